// Counts, from what is there at the end, what was lost, what happened twice, and what left without an approval. Pure.
import type { DraftView } from '../../../src/contracts/draft.ts';
import type { Evidence } from './evidence.ts';
import { LABEL, numberIn, RULES } from './mails.ts';

/** Each list names the cases, in words; the law holds where every list but `unknown` is empty. */
export interface Count {
  /** Mail, turns, drafts, approved mails and copies that are missing. */
  lost: string[];
  messagesTwice: string[];
  sessionsTwice: string[];
  draftsTwice: string[];
  mailsTwice: string[];
  copiesTwice: string[];
  /** Conversations of which a part became another thread, and so another session. */
  threadsSplit: string[];
  unapprovedSent: string[];
  /** Mails that differ from what was approved. */
  changed: string[];
  /** Sessions, or mail from before, of which there should be none. */
  unexpected: string[];
  deadLetters: string[];
  /** Whether these arrived is not the gateway's to know; here it is known. */
  unknown: { id: string; cause: string; arrived: boolean }[];
}

export function count(evidence: Evidence): Count {
  const result: Count = {
    lost: [],
    messagesTwice: [],
    sessionsTwice: [],
    draftsTwice: [],
    mailsTwice: [],
    copiesTwice: [],
    threadsSplit: [],
    unapprovedSent: [],
    changed: [],
    unexpected: [],
    deadLetters: evidence.deadLetters.map(
      ({ id, kind, error, payload }) => `${kind} ${id} ${JSON.stringify(payload)}: ${error}`,
    ),
    unknown: [],
  };
  const messageOf = countMessages(evidence, result);
  countSessions(evidence, messageOf, result);
  countDrafts(evidence, result);
  countArrived(evidence, messageOf, result);
  countSubmissions(evidence, result);
  countFlags(evidence, messageOf, result);
  return result;
}

export const holds = (result: Count): boolean =>
  Object.entries(result).every(([name, cases]) => name === 'unknown' || cases.length === 0);

/** Every mail is in the ledger once, and each conversation is one thread. Returns message ids by the mail's number. */
function countMessages({ mails, messages }: Evidence, result: Count): Map<number, string> {
  const ids = new Map<number, string>();
  const threads = new Map<string, string>();
  const byNumber = new Map(mails.map((mail) => [mail.number, mail]));
  for (const { id, subject, thread_id } of messages) {
    const number = numberIn(subject);
    const mail = number === null ? undefined : byNumber.get(number);
    if (!mail) {
      result.unexpected.push(`message ${id}: ${subject}`);
      continue;
    }
    if (ids.has(mail.number))
      result.messagesTwice.push(`mail ${mail.number}: ${ids.get(mail.number)} and ${id}`);
    ids.set(mail.number, id);
    const conversation = String(mail.conversation);
    const thread = threads.get(conversation) ?? thread_id;
    threads.set(conversation, thread);
    if (thread !== thread_id)
      result.threadsSplit.push(
        `conversation ${conversation}: ${thread} and, for mail ${mail.number}, ${thread_id}`,
      );
  }
  for (const { number, user } of mails)
    if (!ids.has(number)) result.lost.push(`mail ${number} of ${user} is not in the ledger`);
  return ids;
}

/** Each mail and each of its rules have exactly one turn, in one session. */
function countSessions(
  { mails, sessions, agentNotes }: Evidence,
  messageOf: Map<number, string>,
  result: Count,
): void {
  const expected = new Set(
    mails.flatMap(({ number, rules }) => rules.map((rule) => `${messageOf.get(number)} by “${rule}”`)),
  );
  const turns = new Map<string, string[]>();
  const bySubject = new Map<string, string>();
  for (const { id, rule, agent, thread_id, state, history, error } of sessions) {
    const subject = `${thread_id} by “${rule}” for ${agent}`;
    if (bySubject.has(subject)) result.sessionsTwice.push(`${subject}: ${bySubject.get(subject)} and ${id}`);
    bySubject.set(subject, id);
    if (state === 'failed') result.lost.push(`session ${id} failed: ${error}`);
    for (const turn of history) {
      if (turn.state !== 'done')
        result.lost.push(`turn ${turn.number} of ${id} is ${turn.state}: ${turn.error}`);
      if (turn.cause !== 'message') continue;
      const key = `${turn.message_id} by “${rule}”`;
      turns.set(key, [...(turns.get(key) ?? []), id]);
    }
  }
  for (const key of expected) if (!turns.has(key)) result.lost.push(`no session for ${key}`);
  for (const [key, ids] of turns) {
    if (!expected.has(key)) result.unexpected.push(`a session for ${key}`);
    if (ids.length > 1) result.sessionsTwice.push(`${key}: ${ids.join(', ')}`);
  }
  // What the agents themselves saw: the ledger could have forgotten a session that it started.
  const asked = Map.groupBy(agentNotes, ({ message, rule }) => `${message} by “${rule}”`);
  for (const [key, notes] of asked) {
    const ids = new Set(notes.map(({ session }) => session));
    if (ids.size > 1) result.sessionsTwice.push(`agents were asked about ${key} in ${[...ids].join(', ')}`);
    if (!turns.has(key)) result.unexpected.push(`an agent was asked about ${key}`);
  }
}

/** The agent answers each turn with one reply, so each turn makes one draft. */
function countDrafts({ sessions, drafts }: Evidence, result: Count): void {
  const bySession = Map.groupBy(drafts, ({ session_id }) => session_id);
  for (const { id, history } of sessions) {
    const there = bySession.get(id)?.length ?? 0;
    const refused = history.reduce((sum, turn) => sum + turn.refusals.length, 0);
    const wanted = history.filter(({ state }) => state === 'done').length - refused;
    if (there > wanted) result.draftsTwice.push(`session ${id}: ${there} drafts of ${wanted} turns`);
    if (there < wanted) result.lost.push(`session ${id}: ${there} drafts of ${wanted} turns`);
  }
}

/** What arrived was approved, byte for byte, and came once. */
function countArrived(evidence: Evidence, messageOf: Map<number, string>, result: Count): void {
  const { arrived, drafts, rawOf } = evidence;
  for (const [id, mails] of Map.groupBy(arrived, ({ messageId }) => messageId))
    if (mails.length > 1) result.mailsTwice.push(`${id} came ${mails.length} times`);
  for (const [answered, mails] of Map.groupBy(arrived, ({ answers }) => answers)) {
    const ids = new Set(mails.map(({ messageId }) => messageId));
    if (ids.size > 1) result.mailsTwice.push(`${answered} was answered by ${[...ids].join(', ')}`);
  }
  const draftOf = new Map(drafts.map((draft) => [draft.message_id, draft]));
  for (const mail of arrived) {
    const draft = draftOf.get(mail.messageId);
    if (!draft || !mayLeave(evidence, messageOf, draft, mail.digest)) {
      result.unapprovedSent.push(`${mail.messageId} of draft ${draft?.id} (${draft?.state})`);
      continue;
    }
    if (!mail.dated || rawOf.get(draft.id) !== mail.sha256 || draft.digest !== mail.digest)
      result.changed.push(`${mail.messageId} of draft ${draft.id}`);
  }
}

/** A person asked for exactly this digest, or the policy of an agent that may answer a mail whose sender is known. */
function mayLeave(
  { mails, sessions, asked }: Evidence,
  messageOf: Map<number, string>,
  draft: DraftView,
  digest: string,
): boolean {
  if (draft.state !== 'approved') return false;
  if (!draft.decided_by?.startsWith('policy:')) return asked.get(draft.id)?.has(digest) === true;
  const session = sessions.find(({ id }) => id === draft.session_id);
  const vouched = new Set(mails.filter((mail) => mail.vouched).map(({ number }) => messageOf.get(number)));
  return session?.agent === 'shop' && session.history.some((turn) => vouched.has(turn.message_id ?? ''));
}

/** Every approval became one submission that was sent, or of which it is said that nobody knows. */
function countSubmissions(evidence: Evidence, result: Count): void {
  const { drafts, submissions, arrived, confirmed, rejected, sentCopies } = evidence;
  const bySubmission = Map.groupBy(submissions, ({ draft_id }) => draft_id);
  for (const draft of drafts) {
    const of = bySubmission.get(draft.id) ?? [];
    if (of.length > 1) result.mailsTwice.push(`draft ${draft.id} has ${of.length} submissions`);
    if (draft.state === 'approved' && of.length === 0)
      result.lost.push(`approved draft ${draft.id} has no submission`);
    if (rejected.has(draft.id) && draft.state !== 'rejected')
      result.lost.push(`draft ${draft.id} was rejected and is ${draft.state}`);
    const promised = confirmed.get(draft.id);
    if (promised !== undefined && !of.some(({ id }) => id === promised))
      result.lost.push(`draft ${draft.id} was approved as ${promised}, which is not there`);
  }
  const came = new Set(arrived.map(({ messageId }) => messageId));
  const copies = Map.groupBy(sentCopies, (id) => id);
  for (const { id, state, message_id, last_error } of submissions) {
    const arrivedOnce = came.has(message_id);
    const filed = copies.get(message_id)?.length ?? 0;
    if (filed > 1) result.copiesTwice.push(`${message_id} of ${id} is ${filed} times in Sent`);
    if (state === 'unknown') {
      result.unknown.push({ id, cause: last_error ?? '', arrived: arrivedOnce });
      continue;
    }
    if (state !== 'sent') result.lost.push(`submission ${id} is ${state}: ${last_error}`);
    else if (!arrivedOnce) result.lost.push(`submission ${id} says sent, and never arrived`);
    else if (filed === 0) result.lost.push(`the copy of ${id} is not in Sent`);
  }
}

/** Mail has the label of its rule, and \\Answered once an answer to it was sent. */
function countFlags(evidence: Evidence, messageOf: Map<number, string>, result: Count): void {
  const { mails, flags, sessions, arrived, submissions } = evidence;
  const sent = new Set(
    submissions.filter(({ state }) => state === 'sent').map(({ message_id }) => message_id),
  );
  const answers = new Set(arrived.filter(({ messageId }) => sent.has(messageId)).map((mail) => mail.answers));
  const answered = new Set(
    sessions.flatMap(({ id, history }) =>
      history.filter((turn) => answers.has(`${id} turn ${turn.number}`)).map((turn) => turn.message_id),
    ),
  );
  for (const { number, rules } of mails) {
    const has = flags.get(number);
    if (rules.includes(RULES.questions) && !has?.has(LABEL)) result.lost.push(`the label of mail ${number}`);
    if (answered.has(messageOf.get(number) ?? '') && !has?.has('\\Answered'))
      result.lost.push(`\\Answered on mail ${number}`);
  }
}
