// Understanding a mail from its bytes, with no effect on anything.
import { z } from 'zod';
import { mailContent, mailMetadata } from '../../contracts/mail.ts';
import { PosternError } from '../../kernel/errors.ts';
import type { ParsedMail } from '../../mail/parse.ts';
import { type Context, defineOperation, type Operation } from '../registry.ts';

const MAX_RAW_CHARS = 6 * 1024 * 1024; // as much as the JSON of such a request may have; more comes as bytes

export const parsedMail = z.object({
  metadata: mailMetadata,
  content: mailContent,
  attachments: z.array(
    z.object({
      /** The MIME part, such as `2.1`. */
      part: z.string(),
      filename: z.string(),
      content_type: z.string(),
      /** Octets after decoding. */
      size: z.number().int(),
      sha256: z.string(),
      content_id: z.string().nullable(),
      inline: z.boolean(),
    }),
  ),
});

/** A raw mail in an input; absent where the body is the mail itself, as `message/rfc822`. */
export const rawMailField = { raw_base64: z.string().max(MAX_RAW_CHARS).optional() };

/** The bytes of a raw mail, however they came. @throws PosternError `invalid_input` */
export function rawMail(context: Pick<Context, 'body'>, base64: string | undefined): Buffer {
  if (context.body !== undefined && base64 === undefined) return context.body;
  // Looked at by hand: a schema's pattern takes four times as long, and nobody else is served meanwhile.
  if (base64 !== undefined && /^[A-Za-z0-9+/]*={0,2}$/.test(base64) && base64.length % 4 === 0)
    return Buffer.from(base64, 'base64');
  const message = base64 === undefined ? 'is needed' : 'is not base64 (RFC 4648 §4)';
  throw new PosternError('invalid_input', `The input is not right: raw_base64: ${message}.`, {
    hint: 'Send the mail as raw_base64 in JSON, or as the body with Content-Type: message/rfc822.',
    details: { errors: [{ path: 'raw_base64', message }] },
  });
}

export const parseOperations: readonly Operation[] = [
  defineOperation({
    name: 'message.parse',
    summary: 'Understand a raw mail (RFC 5322): its headers, text, reply text and attachments.',
    input: z.strictObject(rawMailField),
    output: parsedMail,
    permission: 'messages:parse',
    effects: 'read',
    http: {
      method: 'POST',
      path: '/v1/parse',
      largeBody: true,
      rawBody: { type: 'message/rfc822' },
    },
    handler: async (context, { raw_base64 }) =>
      parsedView(await context.rooms.parseMail(rawMail(context, raw_base64), { keepContent: false })),
  }),
];

/** The answer of `message.parse`, also for the command line without a gateway. */
export function parsedView({ metadata, content, attachments }: ParsedMail): z.output<typeof parsedMail> {
  return {
    metadata,
    content,
    attachments: attachments.map(({ part, filename, content_type, size, sha256, content_id, inline }) => ({
      part: part.path,
      filename,
      content_type,
      size,
      sha256,
      content_id,
      inline,
    })),
  };
}
