// Links to files that are too large for a mail. A link leads to its file from when its mail is released until its days
// are over, it is revoked, or it was followed as often as it may be. The ledger knows a token by its hash alone.
import { createHash, randomBytes } from 'node:crypto';
import type { LinkView } from '../contracts/link.ts';
import type { JobQueue } from '../jobs/queue.ts';
import type { Clock } from '../kernel/clock.ts';
import { notFound, PosternError } from '../kernel/errors.ts';
import { newId } from '../kernel/ids.ts';
import type { Reader, Store, Tx } from '../store/store.ts';
import type { Removal } from './artifacts.ts';
import type { Blobs, OpenBlob } from './blobs.ts';
import { type LinkRow, linkRows, viewOfLink } from './link-rows.ts';

const TOKEN_BYTES = 32; // cannot be guessed, however many try
const TOKEN = /^[A-Za-z0-9_-]{43}$/;
const EXPIRE_ATTEMPTS = 1000; // a week: an object store that is away for a time keeps nothing for ever

/** A link that was made for a mail that is being written; it is kept with `record`. */
export interface NewLink {
  id: string;
  token: string;
  object_id: string;
  filename: string;
  content_type: string;
  size: number;
  /** Epoch milliseconds. */
  expires_at: number;
  max_downloads: number | null;
}

/** What a link leads to, while it does. */
export interface LinkedFile {
  linkId: string;
  filename: string;
  contentType: string;
  maxDownloads: number | null;
  blob: OpenBlob;
}

export interface LinkQuery {
  /** An account's id. */
  account?: string | undefined;
  draft?: string | undefined;
  limit: number;
  /** Only those older than the link with this id. */
  before?: string | undefined;
}

export interface LinksParts {
  store: Store;
  blobs: Blobs;
  jobs: JobQueue;
  clock: Clock;
  /** Writes into the audit, in the transaction. */
  audit: (tx: Tx, removal: Removal) => Promise<void>;
}

/** A token and an id; nothing is kept yet. */
export const newLinkToken = (now: number): Pick<NewLink, 'id' | 'token'> => ({
  id: newId('lnk', now),
  token: randomBytes(TOKEN_BYTES).toString('base64url'),
});

const hashOf = (token: string): string => createHash('sha256').update(token).digest('hex');

export class Links {
  readonly #parts: LinksParts;

  constructor(parts: LinksParts) {
    this.#parts = parts;
  }

  /** In the transaction that writes the version of a draft which names them. */
  async record(
    tx: Tx,
    links: readonly NewLink[],
    of: { accountId: string; draftId: string; version: number },
  ): Promise<void> {
    for (const { token, ...link } of links) {
      await tx
        .insertInto('links')
        .values({
          ...link,
          ...{
            token_hash: hashOf(token),
            account_id: of.accountId,
            draft_id: of.draftId,
            version: of.version,
          },
          ...{ created_at: this.#parts.clock.now(), bytes_sent: 0 },
          ...{ revoked_at: null, removed_at: null, last_download_at: null },
        })
        .execute();
      await this.#expireAt(tx, link.id, link.expires_at);
    }
  }

  #expireAt(tx: Tx, id: string, runAt: number): Promise<unknown> {
    return this.#parts.jobs.enqueue(
      tx,
      'link.expire',
      { link_id: id },
      { runAt, maxAttempts: EXPIRE_ATTEMPTS },
    );
  }

  /** Newest first. */
  async list({ account, draft, limit, before }: LinkQuery): Promise<LinkView[]> {
    const { store, clock } = this.#parts;
    let query = linkRows(store.db).orderBy('links.id', 'desc').limit(limit);
    if (account !== undefined) query = query.where('links.account_id', '=', account);
    if (draft !== undefined) query = query.where('links.draft_id', '=', draft);
    if (before !== undefined) query = query.where('links.id', '<', before);
    return (await query.execute()).map((row) => viewOfLink(row, clock.now()));
  }

  /** @throws PosternError `not_found` */
  async get(id: string): Promise<LinkView> {
    return viewOfLink(await this.#row(id), this.#parts.clock.now());
  }

  /** For good; the file goes where nothing else refers to it. @throws PosternError `not_found` */
  async revoke(id: string): Promise<LinkView> {
    await this.#parts.store.write(async (tx) => {
      const row = await this.#row(id, tx);
      if (row.revoked_at !== null) return;
      const now = this.#parts.clock.now();
      await tx.updateTable('links').set({ revoked_at: now }).where('id', '=', id).execute();
      await this.#expireAt(tx, id, now);
    });
    return this.get(id);
  }

  /**
   * Makes it last until then, and lets it be followed so often in all.
   * @param maxDownloads undefined: as it was
   * @throws PosternError `not_found`, `link_over` where its file may be gone
   */
  async extend(id: string, expiresAt: number, maxDownloads?: number | null): Promise<LinkView> {
    await this.#parts.store.write(async (tx) => {
      const row = await this.#row(id, tx);
      if (row.revoked_at !== null || row.removed_at !== null)
        throw new PosternError(
          'link_over',
          `The link ${id} is over, and its file is not kept for it any more.`,
          {
            hint: 'Send the file again.',
          },
        );
      const change = {
        expires_at: expiresAt,
        ...(maxDownloads === undefined ? {} : { max_downloads: maxDownloads }),
      };
      await tx.updateTable('links').set(change).where('id', '=', id).execute();
      await this.#expireAt(tx, id, expiresAt);
    });
    return this.get(id);
  }

  /** What the token leads to now; null for one that is unknown, and alike for one that leads nowhere any more. */
  async follow(token: string): Promise<LinkedFile | null> {
    if (!TOKEN.test(token)) return null;
    const { store, blobs, clock } = this.#parts;
    const row = await linkRows(store.db).where('links.token_hash', '=', hashOf(token)).executeTakeFirst();
    if (!row || viewOfLink(row, clock.now()).state !== 'active') return null;
    const blob = await blobs.find(row.object_id).catch((error: unknown) => {
      if (error instanceof PosternError && error.code === 'not_found') return null;
      throw error;
    });
    if (!blob) return null;
    const { id: linkId, filename, content_type: contentType, max_downloads: maxDownloads } = row;
    return { linkId, filename, contentType, maxDownloads, blob };
  }

  /**
   * Counts octets that are about to go out. A download that was cut off is begun again as long as fewer whole ones are
   * counted than there may be: less than one file more goes out in all.
   * @returns false where the link was followed as often as it may be
   */
  async take(linkId: string, octets: number): Promise<boolean> {
    const { store, clock } = this.#parts;
    const taken = await store.db
      .updateTable('links')
      .set((eb) => ({ bytes_sent: eb('bytes_sent', '+', octets), last_download_at: clock.now() }))
      .where('id', '=', linkId)
      .where((eb) =>
        eb.or([
          eb('max_downloads', 'is', null),
          eb('bytes_sent', '<', eb('max_downloads', '*', eb.ref('size'))),
          eb.and([eb('size', '=', 0), eb('bytes_sent', '<', eb.ref('max_downloads'))]),
        ]),
      )
      .returning('id')
      .executeTakeFirst();
    return taken !== undefined;
  }

  /** Octets that were counted and did not go out after all. */
  async giveBack(linkId: string, octets: number): Promise<void> {
    await this.#parts.store.db
      .updateTable('links')
      .set((eb) => ({ bytes_sent: eb('bytes_sent', '-', octets) }))
      .where('id', '=', linkId)
      .execute();
  }

  /** The job `link.expire`. A link that was extended meanwhile has another one. */
  async expire(id: string, job: { id: string }): Promise<void> {
    const { store, blobs, clock, audit } = this.#parts;
    const objectId = await store.write(async (tx) => {
      const row = await this.#row(id, tx);
      if (row.revoked_at === null && row.expires_at > clock.now()) return null;
      if (row.removed_at !== null) return row.object_id;
      await tx.updateTable('links').set({ removed_at: clock.now() }).where('id', '=', id).execute();
      const isKept = await this.#isReferredTo(tx, row.object_id);
      if (!isKept) {
        await tx.deleteFrom('uploads').where('object_id', '=', row.object_id).execute();
        await blobs.remove(tx, row.object_id);
      }
      const bytes = isKept ? 'kept' : 'removed';
      const target = `${row.account_id};link=${id};object=${row.object_id};bytes=${bytes}`;
      await audit(tx, { operation: 'link.expire', target, requestId: job.id });
      return row.object_id;
    });
    if (objectId === null) return;
    const isThere = await store.db
      .selectFrom('objects')
      .select('id')
      .where('id', '=', objectId)
      .executeTakeFirst();
    if (!isThere) await blobs.erase(objectId); // also where a kill came between the two
  }

  /** Whether anything else needs the file: another link, a draft that waits, an upload that no mail has taken, an event. */
  async #isReferredTo(tx: Tx, objectId: string): Promise<boolean> {
    const link = await tx
      .selectFrom('links')
      .select('id')
      .where('object_id', '=', objectId)
      .where('removed_at', 'is', null)
      .limit(1)
      .executeTakeFirst();
    const draft = await tx
      .selectFrom('drafts')
      .innerJoin('draft_versions', 'draft_versions.draft_id', 'drafts.id')
      .select('drafts.id')
      .where('drafts.state', '=', 'waiting')
      .where('draft_versions.content', 'like', `%"${objectId}"%`)
      .limit(1)
      .executeTakeFirst();
    const upload = await tx
      .selectFrom('uploads')
      .select('object_id')
      .where('object_id', '=', objectId)
      .where('expires_at', '>', this.#parts.clock.now())
      .executeTakeFirst();
    const artifact = await tx
      .selectFrom('artifacts')
      .select('object_id')
      .where('object_id', '=', objectId)
      .executeTakeFirst();
    const known = await tx
      .selectFrom('knowledge_contents')
      .select('id')
      .where('object_id', '=', objectId)
      .limit(1)
      .executeTakeFirst();
    return [link, draft, upload, artifact, known].some((one) => one !== undefined);
  }

  async #row(id: string, reader: Reader = this.#parts.store.db): Promise<LinkRow> {
    const row = await linkRows(reader).where('links.id', '=', id).executeTakeFirst();
    if (!row) throw notFound('link', id);
    return row;
  }
}
