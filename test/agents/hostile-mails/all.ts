// All hostile mails, by where their orders stand.
import { fileNames, fileTexts } from './attachments.ts';
import { calendars, headers, intruders } from './headers.ts';
import { hiddenHtmls, htmls, undrawnHtmls } from './htmls.ts';
import type { HostileMail } from './mail.ts';
import { names, subjects } from './subjects-and-names.ts';
import { encodedTexts, quotedTexts, texts } from './texts.ts';

export const hostileMails: readonly HostileMail[] = [
  ...subjects,
  ...names,
  ...texts,
  ...encodedTexts,
  ...quotedTexts,
  ...htmls,
  ...hiddenHtmls,
  ...undrawnHtmls,
  ...fileNames,
  ...fileTexts,
  ...headers,
  ...calendars,
  ...intruders,
];
