// The mail that a template makes as the bytes of a file, which any mail program opens. It is sent nowhere.
import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import type { TemplatePreview } from '../contracts/template.ts';
import { composeMail } from './compose.ts';

const NOBODY = { name: '', address: 'preview@postern.invalid' };

/** @throws PosternError `mail_not_composable` */
export async function previewBytes(mail: TemplatePreview): Promise<Buffer> {
  const files = mail.inline.map(({ cid, filename, content_type, content_base64 }) => {
    const bytes = Buffer.from(content_base64, 'base64');
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    return {
      ...{ filename, contentType: content_type, sha256, contentId: cid },
      open: async () => Readable.from([bytes]),
    };
  });
  const content = {
    ...{ from: NOBODY, to: [NOBODY], cc: [], bcc: [], attachments: [] },
    ...{ subject: mail.subject ?? '', text: mail.text, html: mail.html },
    ...{ in_reply_to: null, references: [], message_id: '<preview@postern.invalid>', auto_submitted: null },
  };
  const pieces: Buffer[] = [];
  for await (const piece of (await composeMail(content, files)).mail) pieces.push(piece);
  return Buffer.concat(pieces);
}
