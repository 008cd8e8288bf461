// A mail composed from files at hand, as bytes: what leaves in pieces is looked at whole.
import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import type { DraftContent } from '../../src/contracts/draft.ts';
import type { Envelope } from '../../src/drafts/composer.ts';
import * as composer from '../../src/drafts/composer.ts';
import * as compose from '../../src/outbound/compose.ts';

export interface WholeFile {
  filename: string;
  contentType: string;
  bytes: Buffer;
  contentId?: string;
}

/** @throws what composing throws, at whatever place of the mail */
export async function composeMail(
  content: DraftContent,
  files: readonly WholeFile[],
): Promise<{ raw: Buffer; envelope: Envelope }> {
  const { mail, envelope } = await compose.composeMail(
    content,
    files.map(({ filename, contentType, bytes, contentId = null }) => ({
      filename,
      contentType,
      contentId,
      sha256: createHash('sha256').update(bytes).digest('hex'),
      open: async () => Readable.from([bytes], { objectMode: false }),
    })),
  );
  return { raw: await buffer(mail), envelope };
}

export const digestOf = (envelope: Envelope, raw: Buffer): Promise<string> =>
  composer.digestOf(envelope, Readable.from([raw], { objectMode: false }));
