// Digests as people see them, and what people may do with them: look, hold up, let go on, make one now, and see what would come.
import type { BroadcastSample, DigestView } from '../contracts/broadcast.ts';
import type { DigestDefinition } from '../contracts/digest.ts';
import type { Drafts } from '../drafts/drafts.ts';
import { newMessageId, prepareVersion } from '../drafts/prepare.ts';
import { notFound, PosternError } from '../kernel/errors.ts';
import { newId } from '../kernel/ids.ts';
import { parseRecipient } from '../mail/recipient.ts';
import { thawTemplate } from '../outbound/frozen-template.ts';
import type { FireParts } from './fire.ts';
import { gather, spanOf } from './fire.ts';
import { type FiringParts, fire, fireDue, scheduleOf } from './firings.ts';
import { mailFor, wordsFor } from './mail.ts';
import { headOf, sampleOf } from './make.ts';
import { pauseDigest, resumeDigest } from './pauses.ts';
import type { Recipient } from './recipients.ts';
import { Images, type RunParts } from './run.ts';

export interface DigestsParts extends FireParts, FiringParts {
  digests: () => ReadonlyMap<string, DigestDefinition>;
  compose: RunParts['compose'];
  drafts: Pick<Drafts, 'insert'>;
}

export interface Preview extends BroadcastSample {
  /** How many it would go to. */
  recipients: number;
  /** The mail that was sent to oneself; null where none was asked for. */
  submission_id: string | null;
}

export class Digests {
  readonly #parts: DigestsParts;

  constructor(parts: DigestsParts) {
    this.#parts = parts;
  }

  /** In the order of the files. */
  async list(): Promise<DigestView[]> {
    return Promise.all([...this.#parts.digests().values()].map((digest) => this.#view(digest)));
  }

  /** @throws PosternError `not_found` */
  async get(name: string): Promise<DigestView> {
    return this.#view(this.#find(name));
  }

  async pause(name: string, by: string): Promise<DigestView> {
    await pauseDigest(this.#parts, this.#find(name), by);
    return this.get(name);
  }

  async resume(name: string): Promise<DigestView> {
    await resumeDigest(this.#parts, this.#find(name));
    return this.get(name);
  }

  /** Makes one now, beside those of the schedule. @param wish the same wish is granted once */
  async run(name: string, wish: string): Promise<{ firing_id: string }> {
    const digest = this.#find(name);
    const { store, clock } = this.#parts;
    const occasion = { scheduledFor: clock.now(), occasion: `run:${wish}` };
    const id = await store.write((tx) => fire(this.#parts, tx, digest, occasion));
    if (id === null)
      throw new PosternError('digest_running', `The digest ${name} was asked for by this before.`);
    return { firing_id: id };
  }

  /** What would come if it were made now, for one of its recipients; sent to `sendTo` where that is given. */
  async preview(
    name: string,
    { recipient, language, sendTo, by }: PreviewWish,
    signal: AbortSignal,
  ): Promise<Preview> {
    const digest = this.#find(name);
    const { store, clock } = this.#parts;
    const now = clock.now();
    const span = await spanOf(store.db, digest, now, 'schedule');
    const wanted = await gather(this.#parts, digest, span, signal);
    const one = recipientIn(wanted.recipients, recipient, language);
    const head = await headOf(this.#parts, wanted, now);
    const { subject, text, html, to, language: tongue } = await sampleOf(this.#parts, head, one);
    const submission_id = sendTo === undefined ? null : await this.#sendTo(sendTo, head, one, by);
    return { to, subject, text, html, language: tongue, recipients: wanted.recipients.length, submission_id };
  }

  async #sendTo(
    address: string,
    head: Awaited<ReturnType<typeof headOf>>,
    one: Recipient,
    by: string,
  ): Promise<string> {
    const { store, clock } = this.#parts;
    const words = wordsFor(head, await thawTemplate(head.template), one, null);
    const images = new Images(this.#parts);
    const content = await mailFor(head, one, words, {
      from: head.from,
      messageId: newMessageId(head.from),
      wayOut: null,
      attachmentOf: (image) => images.attachmentOf(image),
    });
    const { list_id: _, precedence: __, ...own } = content;
    const prepared = await prepareVersion(this.#parts, { ...own, to: [parseRecipient(address)] });
    const origin = {
      ...{ accountId: head.accountId, sessionId: null, threadId: newId('thr', clock.now()), turnId: null },
      ...{ actionIndex: null, answersMessageId: null, author: by },
    };
    const made = await store
      .write((tx) => this.#parts.drafts.insert(tx, origin, prepared, { approvedBy: by }))
      .catch(async (error: unknown) => {
        await prepared.discard();
        throw error;
      });
    return made?.submissionId as string;
  }

  #find(name: string): DigestDefinition {
    const digest = this.#parts.digests().get(name);
    if (!digest) throw notFound('digest', name);
    return digest;
  }

  async #view(digest: DigestDefinition): Promise<DigestView> {
    const { store } = this.#parts;
    const { name, cron, timezone, template, account, approve, missed } = digest;
    // One that nobody has looked at yet is looked at here: a process may serve without making any.
    if ((await scheduleOf(store.db, name)) === null) await fireDue(this.#parts, digest);
    const schedule = await scheduleOf(store.db, name);
    const last = await store.db
      .selectFrom('digest_firings')
      .select(['id', 'scheduled_for', 'state', 'broadcast_id', 'error'])
      .where('digest', '=', name)
      .orderBy('id', 'desc')
      .limit(1)
      .executeTakeFirst();
    const paused_at = schedule?.paused_at ?? null;
    return {
      ...{ name, cron, timezone, template, account: account ?? null, approve, missed },
      next_at: paused_at === null ? (schedule?.next_at ?? null) : null,
      ...{ paused_at, paused_by: schedule?.paused_by ?? null },
      last: last ?? null,
    };
  }
}

export interface PreviewWish {
  /** One of the list; the first where absent. */
  recipient?: string | undefined;
  language?: string | undefined;
  sendTo?: string | undefined;
  by: string;
}

function recipientIn(
  recipients: readonly Recipient[],
  wanted: string | undefined,
  language: string | undefined,
): Recipient {
  const found =
    wanted === undefined
      ? recipients[0]
      : recipients.find(({ address }) => address.toLowerCase() === wanted.toLowerCase());
  if (!found)
    throw new PosternError(
      'recipients_missing',
      wanted === undefined ? 'The digest goes to nobody now.' : 'That address is not on the list.',
    );
  return language === undefined ? found : { ...found, language };
}
