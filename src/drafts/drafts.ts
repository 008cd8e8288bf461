// The approval queue: drafts wait here for a person. Every change makes a new version with a digest of its own, and an
// approval names the digest that the person saw.
import type { Readable } from 'node:stream';
import type { Account, Accounts } from '../accounts/accounts.ts';
import type { Bus } from '../cluster/bus.ts';
import type { DraftContent, DraftEdit, DraftView, SubmissionInput } from '../contracts/draft.ts';
import type { JobQueue } from '../jobs/queue.ts';
import type { Clock } from '../kernel/clock.ts';
import { PosternError } from '../kernel/errors.ts';
import { newId } from '../kernel/ids.ts';
import type { Blobs } from '../objects/blobs.ts';
import type { Uploads } from '../objects/uploads.ts';
import type { Sessions } from '../sessions/sessions.ts';
import { afterCommit, type Store, type Tx } from '../store/store.ts';
import type { AttachParts } from './attach.ts';
import { type Composer, digestOf, type Envelope } from './composer.ts';
import { type DraftDecision, recordDecision, recordMade, unlessAgentPaused } from './draft-record.ts';
import {
  changeWaiting,
  type DraftFilter,
  type DraftOrigin,
  type DraftRow,
  insertDraft,
  listRows,
  requireDigest,
  requireVersion,
  requireWaiting,
  rowOf,
  viewOf,
} from './draft-rows.ts';
import { editedContent } from './edited-content.ts';
import { leave } from './leave.ts';
import { type PreparedVersion, prepareVersion } from './prepare.ts';
import { release, type Timing, timingOf } from './release.ts';
import type { WithReturnPath } from './return-path.ts';
import { requireLinks, type Spill } from './spill.ts';
import { submittedContent } from './submitted.ts';
import { demandUnsuppressed, recipientsOf, withSuppressed } from './suppressed-people.ts';
import type { TemplateSource } from './template.ts';

export interface DraftsParts {
  store: Store;
  jobs: JobQueue;
  clock: Clock;
  bus: Bus;
  accounts: Accounts;
  blobs: Blobs;
  uploads: Pick<Uploads, 'get' | 'keep'>;
  messages: AttachParts['messages'];
  templates: Pick<TemplateSource, 'find'>;
  sessions: Sessions;
  compose: Composer;
  /** Absent: files are attached whatever their size. */
  spill?: Spill;
  /** Absent: reports come back to the account's own address. */
  returnPath?: WithReturnPath;
}

export class Drafts {
  readonly #parts: DraftsParts;

  constructor(parts: DraftsParts) {
    this.#parts = parts;
  }

  async list(filter: DraftFilter): Promise<DraftView[]> {
    return withSuppressed(this.#parts, (await listRows(this.#parts.store.db, filter)).map(viewOf));
  }

  /** @throws PosternError `not_found` */
  async get(id: string): Promise<DraftView> {
    const draft = viewOf(await rowOf(this.#parts.store.db, id));
    return (await withSuppressed(this.#parts, [draft]))[0] ?? draft;
  }

  /** The bytes that wait for approval, as they will leave below the Date line. */
  async raw(id: string): Promise<Readable> {
    const row = await rowOf(this.#parts.store.db, id);
    return this.#stored(row.raw_object_id);
  }

  async #stored(objectId: string): Promise<Readable> {
    return (await this.#parts.blobs.find(objectId)).open();
  }

  /** Composes a version outside of any transaction. @throws PosternError `recipient_invalid`, `mail_not_composable`, `message_too_large` */
  prepare(content: DraftContent, account?: Account): Promise<PreparedVersion> {
    return prepareVersion(this.#parts, content, account);
  }

  /**
   * Writes a new draft that waits for a person, or (with `approvedBy`) one that leaves at once.
   * Returns null when the same action of the same turn has made its draft before.
   */
  async insert(
    tx: Tx,
    origin: DraftOrigin,
    prepared: PreparedVersion,
    wanted: DraftDecision,
  ): Promise<{ draftId: string; submissionId: string | null } | null> {
    const now = this.#parts.clock.now();
    const draftId = newId('drf', now);
    const decision = await unlessAgentPaused(tx, origin.sessionId, wanted);
    const approvedBy = 'approvedBy' in decision ? decision.approvedBy : null;
    const submissionId = approvedBy === null ? null : newId('sub', now);
    const reasons = 'reasons' in decision ? decision.reasons : [];
    const row = { draftId, digest: prepared.digest, reasons, approvedBy, submissionId, now };
    if (!(await insertDraft(tx, origin, row))) return null;
    await prepared.record(tx, draftId, 1, origin.author, now);
    if (approvedBy !== null && submissionId !== null) {
      const timing = 'approvedBy' in decision ? decision.timing : undefined;
      await this.#release(tx, { ...origin, draftId, submissionId, approvedBy }, prepared, timing);
    }
    await recordMade(this.#parts, tx, origin, { draftId, submissionId }, decision);
    this.#tell(tx, draftId, approvedBy === null ? 'waiting' : 'approved', origin.accountId);
    return { draftId, submissionId };
  }

  /**
   * Releases exactly what the digest names.
   * @throws PosternError `draft_digest_mismatch` when the draft is not what the person saw, `draft_not_waiting`,
   *   `recipient_suppressed`
   */
  async approve(id: string, digest: string, by: string): Promise<{ submission_id: string }> {
    const seen = await rowOf(this.#parts.store.db, id);
    requireWaiting(seen);
    requireDigest(seen, digest);
    requireLinks(JSON.parse(seen.content) as DraftContent, this.#parts.clock.now());
    const envelope = JSON.parse(seen.envelope) as Envelope;
    await demandUnsuppressed(this.#parts, seen.account_id, envelope.to);
    // What lies in the ledger must be what the digest was taken over, whoever has had a hand on it since.
    if ((await digestOf(envelope, await this.#stored(seen.raw_object_id))) !== digest)
      throw new PosternError(
        'draft_damaged',
        `The draft ${id} was changed in the ledger: its content does not have its digest.`,
        { hint: 'Edit it, which makes it anew, or reject it.' },
      );
    const undoMs = 1_000 * (await this.#parts.accounts.get(seen.account_id)).settings.undo_seconds;
    return this.#parts.store.write(async (tx) => {
      const row = await rowOf(tx, id);
      requireWaiting(row);
      requireDigest(row, digest);
      const submissionId = newId('sub', this.#parts.clock.now());
      await this.#decide(tx, row, { state: 'approved', decided_by: by, submission_id: submissionId });
      const content = JSON.parse(row.content) as DraftContent;
      await this.#release(
        tx,
        {
          accountId: row.account_id,
          sessionId: row.session_id,
          threadId: row.thread_id,
          answersMessageId: row.answers_message_id,
          draftId: id,
          submissionId,
          approvedBy: by,
        },
        {
          content,
          envelope,
          digest,
          rawObjectId: seen.raw_object_id,
        },
        { notBefore: this.#parts.clock.now() + undoMs },
      );
      return { submission_id: submissionId };
    });
  }

  /**
   * Changes a draft: a new version with a new digest, still waiting.
   * @param version the version that the person saw; another one now is refused, so that nothing is overwritten
   * @throws PosternError `draft_not_waiting`, `draft_version_mismatch`, `recipient_invalid`, `recipient_suppressed`
   */
  async edit(id: string, edit: DraftEdit, by: string, version?: number): Promise<DraftView> {
    const before = await rowOf(this.#parts.store.db, id);
    requireWaiting(before);
    requireVersion(before, version ?? before.version);
    const old = JSON.parse(before.content) as DraftContent;
    const account = await this.#parts.accounts.get(before.account_id);
    const content = editedContent(old, edit);
    const known = new Set(recipientsOf(old));
    const added = recipientsOf(content).filter((address) => !known.has(address));
    await demandUnsuppressed(this.#parts, account.id, added);
    const prepared = await this.prepare(content, account);
    await this.#parts.store.write(async (tx) => {
      const row = await rowOf(tx, id);
      requireWaiting(row);
      requireVersion(row, before.version);
      const now = this.#parts.clock.now();
      await prepared.record(tx, id, row.version + 1, by, now);
      const version = row.version + 1;
      await changeWaiting(tx, row, { version, digest: prepared.digest, updated_at: now });
      await recordDecision(this.#parts, tx, row, { decision: 'edited', by, version });
      this.#tell(tx, id, 'waiting', row.account_id);
    });
    return this.get(id);
  }

  /** Ends a draft. With feedback its agent gets another turn. @throws PosternError `draft_not_waiting` */
  async reject(id: string, feedback: string | null, by: string): Promise<DraftView> {
    await this.#parts.store.write(async (tx) => {
      const row = await rowOf(tx, id);
      requireWaiting(row);
      await this.#decide(tx, row, { state: 'rejected', decided_by: by, feedback });
      if (row.session_id === null) return;
      if (feedback !== null)
        await this.#parts.sessions.addTurnFor(tx, row.session_id, {
          cause: 'feedback',
          feedback,
          draftId: id,
          author: by,
        });
      else await this.#parts.sessions.settle(tx, row.session_id);
    });
    return this.get(id);
  }

  /** A mail that an operator writes: a draft that is approved by its writer. */
  async submit(input: SubmissionInput, by: string): Promise<{ id: string; state: 'queued' }> {
    const account = await this.#parts.accounts.find(input.account);
    const { content, uploaded } = await submittedContent(
      this.#parts,
      account,
      input,
      this.#parts.clock.now(),
    );
    const made = await leave(this.#parts, this, account, { content, uploaded }, by, {}, timingOf(input));
    return { id: made.submissionId, state: 'queued' };
  }

  async #decide(
    tx: Tx,
    row: DraftRow,
    change: {
      state: 'approved' | 'rejected' | 'superseded';
      decided_by: string;
      feedback?: string | null;
      submission_id?: string;
    },
  ): Promise<void> {
    const now = this.#parts.clock.now();
    await changeWaiting(tx, row, { ...change, decided_at: now, updated_at: now });
    const { state: decision, decided_by: by, ...more } = change;
    await recordDecision(this.#parts, tx, row, { decision, by, ...more });
    this.#tell(tx, row.id, change.state, row.account_id);
  }

  async #release(
    tx: Tx,
    mail: Pick<DraftOrigin, 'accountId' | 'sessionId' | 'threadId' | 'answersMessageId' | 'acquaints'> & {
      draftId: string;
      submissionId: string;
      approvedBy: string;
    },
    version: Pick<PreparedVersion, 'content' | 'envelope' | 'digest' | 'rawObjectId'>,
    timing: Timing = {},
  ): Promise<void> {
    const { content, envelope, digest, rawObjectId } = version;
    requireLinks(content, timing.notBefore ?? this.#parts.clock.now());
    const released = {
      ...mail,
      messageId: content.message_id,
      subject: content.subject,
      digest,
      envelope,
      people: mail.acquaints === false ? [] : [...content.to, ...content.cc, ...content.bcc],
      rawObjectId,
    };
    await release(tx, this.#parts, released, timing);
    if (mail.sessionId !== null) await this.#parts.sessions.settle(tx, mail.sessionId);
  }

  #tell(tx: Tx, draftId: string, state: string, accountId: string): void {
    afterCommit(tx, () =>
      this.#parts.bus.publish('draft.changed', { draft_id: draftId, state, account_id: accountId }),
    );
  }
}
