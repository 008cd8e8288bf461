// A submission's mail as it left: the signature and the Date line of the last attempt whose content left, and the approved
// bytes below.
import { Readable } from 'node:stream';
import { notFound } from '../kernel/errors.ts';
import type { Blobs } from '../objects/blobs.ts';
import type { Store } from '../store/store.ts';
import { topLines } from './dkim.ts';

export type LeftMail = (id: string) => Promise<Readable>;

/** Of a mail that has not left it is what would leave, without a signature. @throws PosternError `not_found` */
export const leftMail =
  ({ store, blobs }: { store: Store; blobs: Pick<Blobs, 'find'> }): LeftMail =>
  async (id) => {
    const row = await store.db
      .selectFrom('submissions')
      .select(['signature', 'dated_at', 'raw_object_id'])
      .where('id', '=', id)
      .executeTakeFirst();
    if (!row) throw notFound('submission', id);
    const blob = await blobs.find(row.raw_object_id);
    const top = topLines(row.signature, row.dated_at);
    async function* whole(): AsyncGenerator<Buffer> {
      yield top;
      const stream = await blob.open();
      try {
        yield* stream as AsyncIterable<Buffer>;
      } finally {
        stream.destroy();
      }
    }
    return Readable.from(whole(), { objectMode: false });
  };
