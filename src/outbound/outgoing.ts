// What is known of a submission: read with every mail that leaves, so its SQL is built once.
import type { Suppression } from '../bounces/suppressed.ts';
import type { Envelope } from '../drafts/composer.ts';
import { notFound } from '../kernel/errors.ts';
import { keptQuery } from '../store/kept-query.ts';
import type { SubmissionRecipientsTable, SubmissionRow } from '../store/schema.ts';
import type { Reader } from '../store/store.ts';
import { recipientsToSend } from './recipients-to-send.ts';

export interface Outgoing {
  row: SubmissionRow;
  envelope: Envelope;
  /** In the envelope's order. */
  recipients: SubmissionRecipientsTable[];
}

/** The same with what decides whether it may leave now. */
export interface ToSend extends Outgoing {
  /** The draft that was approved: null where it is not there any more. */
  draft: { state: string; digest: string } | null;
  /** The recipients to whom nothing may go, by their addresses. */
  suppressed: ReadonlyMap<string, Suppression>;
  /** The session that wrote it, and nobody where a person did. */
  session: { agent: string; account_id: string } | null;
}

const rowOf = keptQuery((db, id: string) => db.selectFrom('submissions').selectAll().where('id', '=', id));
const toSend = keptQuery((db, id: string) =>
  db
    .selectFrom('submissions')
    .leftJoin('drafts', 'drafts.id', 'submissions.draft_id')
    .leftJoin('sessions', 'sessions.id', 'submissions.session_id')
    .selectAll('submissions')
    .select([
      'drafts.state as draft_state',
      'drafts.digest as draft_digest',
      'sessions.agent as session_agent',
      'sessions.account_id as session_account',
    ])
    .where('submissions.id', '=', id),
);
const recipientsOf = keptQuery((db, id: string) =>
  db.selectFrom('submission_recipients').selectAll().where('submission_id', '=', id).orderBy('position'),
);

/** @throws PosternError `not_found` */
export async function loadOutgoing(reader: Reader, id: string): Promise<Outgoing> {
  const [row] = await rowOf(reader, id);
  if (!row) throw notFound('submission', id);
  return withRecipients(reader, row);
}

/** @throws PosternError `not_found` */
export async function loadToSend(reader: Reader, id: string, now: number): Promise<ToSend> {
  const [found] = await toSend(reader, id);
  if (!found) throw notFound('submission', id);
  const { draft_state, draft_digest, session_agent, session_account, ...row } = found;
  const envelope = JSON.parse(row.envelope) as Envelope;
  return {
    ...{ row, envelope, ...(await recipientsToSend(reader, row, envelope.to, now)) },
    draft:
      draft_state !== null && draft_digest !== null ? { state: draft_state, digest: draft_digest } : null,
    session:
      session_agent !== null && session_account !== null
        ? { agent: session_agent, account_id: session_account }
        : null,
  };
}

async function withRecipients(reader: Reader, row: SubmissionRow): Promise<Outgoing> {
  const recipients = await recipientsOf(reader, row.id);
  return { row, envelope: JSON.parse(row.envelope) as Envelope, recipients };
}
