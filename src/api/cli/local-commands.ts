// Commands that need no gateway: mails as files.
import { parseMail } from '../../mail/parse.ts';
import { parsedView } from '../operations/parse.ts';
import type { Command } from './command.ts';
import { bytesFrom } from './flags.ts';
import { EXIT, UsageError } from './io.ts';
import { showBlock, showDetails, showJson } from './show.ts';

export const parse: Command = {
  words: ['parse'],
  summary: 'Show what Postern understands of a mail.',
  args: ['FILE'],
  flags: {},
  async run(io, values, [file, ...more]) {
    if (file === undefined || more.length > 0) throw new UsageError('Give one file, or - for stdin.');
    const view = parsedView(await parseMail(await bytesFrom(io, file), { keepContent: false }));
    if (values.json) {
      showJson(io, view);
      return EXIT.ok;
    }
    const { headers: _, parts: __, ...head } = view.metadata;
    const date = head.date === null ? null : new Date(head.date).toISOString();
    showDetails(io, { ...head, date, attachments: view.attachments });
    showBlock(io, '\nText', view.content.text);
    if (view.content.reply_text !== view.content.text)
      showBlock(io, '\nWithout the quote', view.content.reply_text);
    return EXIT.ok;
  },
};
