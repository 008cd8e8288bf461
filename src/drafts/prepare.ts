// From what somebody wrote to a version of a draft: content made whole, composed to bytes, its digest taken on their way to the store. Nothing is
// written yet; `record` does that in the transaction of whoever asked.
import { randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import type { Account } from '../accounts/accounts.ts';
import type { DraftContent } from '../contracts/draft.ts';
import type { Address } from '../contracts/mail.ts';
import { parseRecipient } from '../mail/recipient.ts';
import type { Blobs } from '../objects/blobs.ts';
import { keptQuery } from '../store/kept-query.ts';
import type { Tx } from '../store/store.ts';
import { type Composer, type Envelope, MailDigest } from './composer.ts';
import { pictured } from './pictures.ts';
import type { WithReturnPath } from './return-path.ts';
import type { Spill } from './spill.ts';

export interface PreparedVersion {
  content: DraftContent;
  envelope: Envelope;
  digest: string;
  rawObjectId: string;
  /** Removes the bytes of what was not recorded. */
  discard(): Promise<void>;
  /** Records the bytes, and the version, in the transaction. */
  record(tx: Tx, draftId: string, version: number, author: string, now: number): Promise<void>;
}

/** @param account where files that are too large for it become links; without, the mail is composed whatever its size */
export async function prepareVersion(
  parts: { compose: Composer; blobs: Blobs; spill?: Spill; returnPath?: WithReturnPath | undefined },
  said: DraftContent,
  account?: Account,
): Promise<PreparedVersion> {
  const written = account && parts.returnPath ? await parts.returnPath(said, account) : said;
  const { compose, blobs, spill } = parts;
  const { content: whole, staged } = await pictured(blobs, written);
  const discardPictures = async (): Promise<void> => {
    for (const { blob } of staged) await blob.discard();
  };
  try {
    const asItIs = { content: whole, worded: whole, record: null };
    const { content, worded, record: recordLinks } = spill && account ? await spill(whole, account) : asItIs;
    const files = content.attachments.map(({ object_id, filename, content_type, sha256, content_id }) => {
      const picture = staged.find(({ blob }) => blob.id === object_id);
      return {
        filename,
        contentType: content_type,
        sha256,
        contentId: content_id ?? null,
        open: async () =>
          picture
            ? Readable.from([picture.bytes], { objectMode: false })
            : (await blobs.find(object_id)).open(),
      };
    });
    const { mail, envelope } = await compose(worded, files);
    const taken = new MailDigest(envelope);
    const blob = await blobs.stage(taken.over(mail));
    const digest = taken.end();
    return {
      content,
      envelope,
      digest,
      rawObjectId: blob.id,
      discard: async () => {
        await blob.discard();
        await discardPictures();
      },
      record: async (tx, draftId, version, author, now) => {
        for (const picture of staged) await picture.blob.record(tx);
        await blob.record(tx);
        await insertVersion(tx, { draftId, version, digest, content, envelope, blob, author, now });
        await recordLinks?.(tx, draftId, version);
      },
    };
  } catch (error) {
    await discardPictures();
    throw error;
  }
}

interface Version {
  draftId: string;
  version: number;
  digest: string;
  content: DraftContent;
  envelope: Envelope;
  blob: { id: string };
  author: string;
  now: number;
}

async function insertVersion(
  tx: Tx,
  { draftId, version, digest, content, envelope, blob, author, now }: Version,
) {
  const words = [JSON.stringify(content), JSON.stringify(envelope)] as const;
  await insertRow(tx, draftId, version, digest, ...words, blob.id, author, now);
}

const insertRow = keptQuery(
  (
    db,
    draft_id: string,
    version: number,
    digest: string,
    content: string,
    envelope: string,
    raw_object_id: string,
    author: string,
    created_at: number,
  ) =>
    db
      .insertInto('draft_versions')
      .values({ draft_id, version, digest, content, envelope, raw_object_id, author, created_at }),
);

/** The account's default From. Its address is the account's own, whatever the name says. */
export function fromOf({ settings }: { settings: Pick<Account['settings'], 'address' | 'from'> }): Address {
  return parseRecipient(settings.from ?? settings.address);
}

/** A Message-ID that cannot be guessed, in the domain of the sender, as mail servers expect. */
export function newMessageId(from: Address): string {
  const domain = from.address.slice(from.address.lastIndexOf('@') + 1);
  return `<${randomBytes(16).toString('hex')}@${domain}>`;
}
