// From what the parser makes of a mail to what a report is read from.
import type { ParsedMail } from '../mail/parse.ts';
import type { ReportMail } from './report.ts';

export function reportMailOf({ metadata, content, attachments }: ParsedMail): ReportMail {
  return {
    headers: metadata.headers,
    from: metadata.from?.address ?? null,
    to: [...metadata.to, ...metadata.cc].map(({ address }) => address),
    subject: metadata.subject,
    text: content.text,
    parts: attachments.flatMap(({ part, content: octets }) =>
      octets ? [{ type: part.type, content: octets }] : [],
    ),
  };
}
