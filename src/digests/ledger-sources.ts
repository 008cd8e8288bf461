// What the ledger knows of a span of time, for digests: how many there are, and the newest of them.
import type { SelectQueryBuilder } from 'kysely';
import type { DigestSource } from '../contracts/digest.ts';
import type { Address } from '../contracts/mail.ts';
import type { Database } from '../store/schema.ts';
import type { Reader } from '../store/store.ts';
import type { Span } from './span.ts';

const PREVIEW_CHARS = 300;
/** Mail that says nothing for a digest to tell. */
const NO_LETTERS = ['own', 'bounce', 'complaint', 'receipt'];

type MessageOptions = Extract<DigestSource, { messages: unknown }>['messages'];
type SessionOptions = Extract<DigestSource, { sessions: unknown }>['sessions'];
type DraftOptions = Extract<DigestSource, { drafts: unknown }>['drafts'];
type SubmissionOptions = Extract<DigestSource, { submissions: unknown }>['submissions'];

export interface Told {
  count: number;
  items: Record<string, unknown>[];
}

const iso = (at: number | null): string | null => (at === null ? null : new Date(at).toISOString());

export async function messagesIn(db: Reader, options: MessageOptions, span: Span): Promise<Told> {
  const { account, from, subject, limit } = options;
  let query = db
    .selectFrom('messages')
    .innerJoin('accounts', 'accounts.id', 'messages.account_id')
    .where('messages.arrived_at', '>', span.since)
    .where('messages.arrived_at', '<=', span.until)
    .where('messages.kind', 'not in', NO_LETTERS);
  if (account !== undefined) query = query.where('accounts.label', '=', account);
  if (from !== undefined)
    query = query.where((eb) =>
      eb(eb.fn('lower', ['messages.from_address']), 'like', eb.val(likeAddress(from))),
    );
  if (subject !== undefined) query = query.where('messages.subject', 'like', like(subject));
  const rows = await query
    .leftJoin('contents', 'contents.message_id', 'messages.id')
    .select(['messages.id', 'messages.metadata', 'messages.subject', 'messages.arrived_at', 'messages.trust'])
    .select(['accounts.label', 'contents.reply_text'])
    .orderBy('messages.arrived_at', 'desc')
    .limit(limit)
    .execute();
  return {
    count: await countOf(query),
    items: rows.map((row) => {
      const { from: sender } = JSON.parse(row.metadata) as { from: Address | null };
      return {
        ...{ id: row.id, account: row.label, subject: row.subject, date: iso(row.arrived_at) },
        from: sender ?? { name: '', address: '' },
        trust: (JSON.parse(row.trust) as { level: string }).level,
        preview: (row.reply_text ?? '').replace(/\s+/g, ' ').trim().slice(0, PREVIEW_CHARS).toWellFormed(),
      };
    }),
  };
}

export async function sessionsIn(db: Reader, options: SessionOptions, span: Span): Promise<Told> {
  const { account, agent, state, limit } = options;
  let query = db
    .selectFrom('sessions')
    .innerJoin('accounts', 'accounts.id', 'sessions.account_id')
    .where('sessions.updated_at', '>', span.since)
    .where('sessions.updated_at', '<=', span.until);
  if (account !== undefined) query = query.where('accounts.label', '=', account);
  if (agent !== undefined) query = query.where('sessions.agent', '=', agent);
  if (state !== undefined) query = query.where('sessions.state', '=', state);
  const rows = await query
    .leftJoin('messages', 'messages.id', 'sessions.message_id')
    .select(['sessions.id', 'sessions.agent', 'sessions.rule', 'sessions.state', 'sessions.summary'])
    .select(['sessions.error', 'sessions.cost_micros', 'sessions.created_at', 'sessions.updated_at'])
    .select(['accounts.label', 'messages.subject', 'messages.from_address'])
    .orderBy('sessions.updated_at', 'desc')
    .limit(limit)
    .execute();
  return {
    count: await countOf(query),
    items: rows.map((row) => ({
      ...{ id: row.id, account: row.label, agent: row.agent, rule: row.rule, state: row.state },
      ...{ summary: row.summary, error: row.error, subject: row.subject ?? '', from: row.from_address ?? '' },
      cost: row.cost_micros / 1_000_000,
      ...{ started_at: iso(row.created_at), updated_at: iso(row.updated_at) },
    })),
  };
}

/** @param span null: whenever they were written */
export async function draftsIn(db: Reader, options: DraftOptions, span: Span | null): Promise<Told> {
  const { account, state, limit } = options;
  let query = db
    .selectFrom('drafts')
    .innerJoin('accounts', 'accounts.id', 'drafts.account_id')
    .where('drafts.state', '=', state);
  if (span !== null)
    query = query.where('drafts.created_at', '>', span.since).where('drafts.created_at', '<=', span.until);
  if (account !== undefined) query = query.where('accounts.label', '=', account);
  const rows = await query
    .innerJoin('draft_versions', (join) =>
      join
        .onRef('draft_versions.draft_id', '=', 'drafts.id')
        .onRef('draft_versions.version', '=', 'drafts.version'),
    )
    .select(['drafts.id', 'drafts.state', 'drafts.reasons', 'drafts.created_at', 'accounts.label'])
    .select('draft_versions.content')
    .orderBy('drafts.created_at', 'desc')
    .limit(limit)
    .execute();
  return {
    count: await countOf(query),
    items: rows.map((row) => {
      const { to, subject } = JSON.parse(row.content) as { to: Address[]; subject: string };
      return {
        ...{ id: row.id, account: row.label, state: row.state, subject, to },
        reasons: JSON.parse(row.reasons) as string[],
        created_at: iso(row.created_at),
      };
    }),
  };
}

export async function submissionsIn(db: Reader, options: SubmissionOptions, span: Span): Promise<Told> {
  const { account, state, limit } = options;
  let query = db
    .selectFrom('submissions')
    .innerJoin('accounts', 'accounts.id', 'submissions.account_id')
    .where('submissions.broadcast_id', 'is', null) // a digest does not tell of ten thousand digests
    .where('submissions.created_at', '>', span.since)
    .where('submissions.created_at', '<=', span.until);
  if (account !== undefined) query = query.where('accounts.label', '=', account);
  if (state !== undefined) query = query.where('submissions.state', '=', state);
  const rows = await query
    .select(['submissions.id', 'submissions.state', 'submissions.subject', 'submissions.envelope'])
    .select(['submissions.last_error', 'submissions.created_at', 'submissions.sent_at', 'accounts.label'])
    .orderBy('submissions.created_at', 'desc')
    .limit(limit)
    .execute();
  return {
    count: await countOf(query),
    items: rows.map((row) => ({
      ...{ id: row.id, account: row.label, state: row.state, subject: row.subject },
      to: (JSON.parse(row.envelope) as { to: string[] }).to.slice(0, 10),
      error: row.last_error,
      ...{ created_at: iso(row.created_at), sent_at: iso(row.sent_at) },
    })),
  };
}

async function countOf<T extends keyof Database, O>(
  query: SelectQueryBuilder<Database, T, O>,
): Promise<number> {
  const { total } = await query
    .select((eb) => eb.fn.countAll<number>().as('total'))
    .executeTakeFirstOrThrow();
  return Number(total);
}

const like = (words: string): string => `%${words}%`;
/** An address, or `@` and a domain; `*` stands for anything. */
const likeAddress = (from: string): string => {
  const written = from.toLowerCase().replaceAll('*', '%');
  return written.startsWith('@') ? `%${written}` : written;
};
