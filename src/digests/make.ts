// Makes a broadcast: template, data and list become the bytes that are approved as one. It waits for a person, or begins at
// once where the operator's own files say so.
import type { Account, Accounts } from '../accounts/accounts.ts';
import type { Bus } from '../cluster/bus.ts';
import { fromOf } from '../drafts/prepare.ts';
import { broadcastLane } from '../jobs/kinds.ts';
import type { JobQueue } from '../jobs/queue.ts';
import type { Clock } from '../kernel/clock.ts';
import { PosternError } from '../kernel/errors.ts';
import { newId } from '../kernel/ids.ts';
import type { Blobs } from '../objects/blobs.ts';
import { freezeTemplate, thawTemplate } from '../outbound/frozen-template.ts';
import { afterCommit, type Store, type Tx } from '../store/store.ts';
import type { KeptSample } from './broadcast-rows.ts';
import { type BroadcastHead, digestOfContent, MOST_CONTENT_BYTES, writeContent } from './content.ts';
import { type FindWayOut, wayOutFor, wordsFor } from './mail.ts';
import type { Recipient } from './recipients.ts';

export interface MakeParts {
  store: Store;
  jobs: JobQueue;
  clock: Clock;
  bus: Bus;
  accounts: Pick<Accounts, 'find' | 'list'>;
  blobs: Blobs;
  templatesDir: string;
  wayOut: FindWayOut;
}

export interface Wanted {
  name: string;
  /** Its id or label; null: the only one that there is. */
  account: string | null;
  template: string;
  subject: string | null;
  language: string | null;
  timezone: string | null;
  data: Readonly<Record<string, unknown>>;
  recipients: readonly Recipient[];
  /** Absent: where there are several recipients. */
  unsubscribe?: boolean | undefined;
  /** What one unsubscribes from. */
  list: string;
  digestName: string | null;
  firingId: string | null;
  madeBy: string;
  /** Whether a person is asked. */
  approve: boolean;
  reportTo: readonly string[];
}

/** One whose bytes are safe, and that is there with the transaction that records it. */
export interface MadeBroadcast {
  id: string;
  head: BroadcastHead;
  sample: KeptSample;
  /** @returns false where the firing has its broadcast */
  record(tx: Tx): Promise<boolean>;
  discard(): Promise<void>;
}

/** @throws PosternError `template_missing`, `template_invalid`, `template_failed`, `account_needed`, `not_found` */
export async function makeBroadcast(parts: MakeParts, wanted: Wanted): Promise<MadeBroadcast> {
  const { clock, blobs, jobs, bus } = parts;
  const now = clock.now();
  const head = await headOf(parts, wanted, now);
  const sample = await sampleOf(parts, head, wanted.recipients[0]);
  const bytes = writeContent({ head, recipients: [...wanted.recipients] });
  if (bytes.length > MOST_CONTENT_BYTES)
    throw new PosternError(
      'broadcast_too_large',
      `The broadcast has ${bytes.length} bytes of template, data and list.`,
    );
  const blob = await blobs.stage(bytes);
  const id = newId('brd', now);
  const state = wanted.approve ? 'waiting' : 'running';
  const decidedBy = wanted.approve ? null : wanted.madeBy;
  const count = wanted.recipients.length;
  return {
    id,
    head,
    sample,
    discard: () => blob.discard(),
    record: async (tx) => {
      const inserted = await tx
        .insertInto('broadcasts')
        .values({
          ...{ id, account_id: head.accountId, name: wanted.name, digest_name: wanted.digestName },
          ...{
            firing_id: wanted.firingId,
            state,
            digest: digestOfContent(bytes),
            content_object_id: blob.id,
          },
          sample: JSON.stringify(sample),
          reasons: JSON.stringify(
            wanted.approve ? [`It goes to ${count} recipient${count === 1 ? '' : 's'} as one.`] : [],
          ),
          ...{ total: count, made_by: wanted.madeBy, feedback: null, decided_by: decidedBy, error: null },
          decided_at: decidedBy === null ? null : now,
          report_to: JSON.stringify(wanted.reportTo),
          ...{ created_at: now, updated_at: now, ended_at: null },
          started_at: wanted.approve ? null : now,
        })
        .onConflict((conflict) => conflict.column('firing_id').doNothing())
        .returning('id')
        .executeTakeFirst();
      if (!inserted) return false;
      await blob.record(tx);
      if (!wanted.approve) await enqueueRun(jobs, tx, id);
      afterCommit(tx, () =>
        bus.publish('broadcast.changed', { broadcast_id: id, account_id: head.accountId, state }),
      );
      return true;
    },
  };
}

const MAX_LIST_OCTETS = 255; // it stands in each recipient's link to leave, which has to fit into a line of the mail
const RUN_ATTEMPTS = 1_000; // one job may live for days, and each kill of its process is an attempt

export const enqueueRun = (jobs: JobQueue, tx: Tx, id: string): Promise<void> => {
  const options = { lane: broadcastLane(id), maxAttempts: RUN_ATTEMPTS };
  return jobs.enqueue(tx, 'broadcast.run', { broadcast_id: id }, options);
};

/** What is the same for every recipient. */
export async function headOf(parts: MakeParts, wanted: Wanted, now: number): Promise<BroadcastHead> {
  const unsubscribe = wanted.unsubscribe ?? wanted.recipients.length > 1;
  if (unsubscribe && Buffer.byteLength(wanted.list) > MAX_LIST_OCTETS)
    throw new PosternError(
      'invalid_input',
      `The name that people unsubscribe from has more than ${MAX_LIST_OCTETS} octets.`,
      { hint: 'Give it a shorter name: most letters of Chinese have three octets.' },
    );
  const account = await accountOf(parts.accounts, wanted.account);
  const from = fromOf(account);
  return {
    format: 1,
    ...{ name: wanted.name, list: wanted.list, accountId: account.id, from },
    template: await freezeTemplate(parts.templatesDir, wanted.template),
    ...{ subject: wanted.subject, data: wanted.data, language: wanted.language, timezone: wanted.timezone },
    unsubscribe,
    listId: `${slugOf(wanted.list)}.${from.address.slice(from.address.lastIndexOf('@') + 1)}`,
    madeAt: now,
  };
}

/** How it looks for one recipient. */
export async function sampleOf(
  parts: Pick<MakeParts, 'wayOut'>,
  head: BroadcastHead,
  recipient: Recipient | undefined,
): Promise<KeptSample> {
  if (!recipient) throw new PosternError('recipients_missing', 'The broadcast goes to nobody.');
  const template = await thawTemplate(head.template);
  const wayOut = await wayOutFor(parts, head, recipient);
  const { subject, text, html, language } = wordsFor(head, template, recipient, wayOut);
  return {
    to: [{ name: recipient.name, address: recipient.address }],
    ...{ subject, text, html, language },
    ...{ from: head.from, template: head.template.name },
  };
}

async function accountOf(accounts: MakeParts['accounts'], name: string | null): Promise<Account> {
  if (name !== null) return accounts.find(name);
  const [only, ...others] = await accounts.list();
  if (only && others.length === 0) return only;
  throw new PosternError('account_needed', 'There is more than one account, or none: say which one sends.', {
    hint: 'Write `account:` with the label of one.',
  });
}

/** As the left of a List-Id takes it. */
const slugOf = (name: string): string =>
  name
    .normalize('NFKD')
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '')
    .slice(0, 60) || 'list';
