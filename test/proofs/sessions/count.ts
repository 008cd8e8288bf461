// What is counted once all is quiet: every turn that was due is there and was run, and nothing that it did is there twice.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { World } from './world.ts';

export interface Count {
  lost: string[];
  twice: string[];
  /** What does not fit together: a state without its cause, a record with a gap. */
  wrong: string[];
  figures: { sessions: number; turns: number; rerun: number; drafts: number; sent: number; unknown: number };
}

type Row = Record<string, string | number | null>;

/** @param world whose gateway does not run */
export function count({ gateway, smtp, mails, agentLog }: World): Count {
  const ledger = new DatabaseSync(join(gateway.folder, 'data', 'ledger.sqlite'), { readOnly: true });
  const all = (sql: string): Row[] => ledger.prepare(sql).all() as Row[];
  const result: Count = { lost: [], twice: [], wrong: [], figures: {} as Count['figures'] };
  const { lost, twice, wrong } = result;
  const once = (list: readonly Row[], what: (row: Row) => string): void => {
    for (const row of list) twice.push(what(row));
  };

  // Every mail woke its agent, once.
  const woke = new Map(
    all(`select m.message_id as id, count(t.id) as turns, count(distinct m.id) as messages,
        m.subject || ' ' || m.kind || ' ' || coalesce((select group_concat(d.rule || coalesce(d.suppressed, '')) from decisions d where d.message_id = m.id), '-') as told,
        max(s.state = 'cancelled') as over
      from messages m left join turns t on t.message_id = m.id
      left join sessions s on s.thread_id = m.thread_id group by m.message_id`).map((row) => [row.id, row]),
  );
  for (const { messageId, plan } of mails) {
    const row = woke.get(messageId);
    if (!row) lost.push(`${messageId} is not in the ledger`);
    else if (Number(row.messages) > 1) twice.push(`${messageId} is in the ledger ${row.messages} times`);
    else if (row.turns === 0 && row.over !== 1) lost.push(`${messageId} (${plan}) woke nobody: ${row.told}`);
  }
  once(
    all(
      'select message_id as id, count(*) as n from turns where message_id is not null group by message_id having n > 1',
    ),
    (row) => `${row.id} has ${row.n} turns`,
  );

  // Every turn came to its end, and was run where it is done.
  const notes = new Map<string, number>();
  for (const line of lines(agentLog)) {
    const { session, turn } = JSON.parse(line) as { session: string; turn: number };
    const key = `${session} ${turn}`;
    notes.set(key, (notes.get(key) ?? 0) + 1);
  }
  const turns = all(
    `select t.*, s.rule as rule, s.state as session_state, s.turns as of from turns t join sessions s on s.id = t.session_id order by t.session_id, t.number`,
  );
  for (const turn of turns) {
    const { session_id: session, number, state, rule } = turn;
    const name = `turn ${number} of ${session} (${rule})`;
    if (state === 'queued' || state === 'running') lost.push(`${name} is ${state}`);
    if (state === 'done' && !notes.has(`${session} ${number}`)) wrong.push(`${name} is done and was not run`);
    if (state === 'failed' && rule !== 'fails') lost.push(`${name} failed: ${turn.error}`);
    if (state === 'refused' && rule !== 'cancelled') lost.push(`${name} was refused: ${turn.error}`);
  }
  for (const row of all(
    'select s.id, s.turns as said, count(t.id) as there from sessions s left join turns t on t.session_id = s.id group by s.id having said <> there',
  ))
    lost.push(`${row.id} counts ${row.said} turns and has ${row.there}`);

  // What a turn did is there, once: its draft, whether it answered or called.
  const drafts = all('select d.*, t.number from drafts d left join turns t on t.id = d.turn_id');
  const draftsOf = new Map<string, number>();
  for (const { turn_id: turn } of drafts) draftsOf.set(String(turn), (draftsOf.get(String(turn)) ?? 0) + 1);
  for (const [turn, number] of draftsOf) if (number > 1) twice.push(`${turn} made ${number} drafts`);
  for (const turn of turns) {
    const replies = String(turn.answer ?? '').includes('"type":"reply"');
    const calls = turn.rule === 'called' && turn.number === 1;
    const isOver = turn.session_state === 'cancelled';
    if (turn.state === 'done' && (replies || calls) && !isOver && !draftsOf.has(String(turn.id)))
      lost.push(`turn ${turn.number} of ${turn.session_id} (${turn.rule}) made no draft`);
  }

  // What people did has its turn, once.
  once(
    all(
      "select draft_id as id, count(*) as n from turns where cause = 'feedback' group by draft_id having n > 1",
    ),
    (row) => `${row.id} was sent back ${row.n} times`,
  );
  for (const row of all(`select d.id from drafts d join sessions s on s.id = d.session_id where d.state = 'rejected' and d.feedback is not null
    and s.state <> 'cancelled' and not exists (select 1 from turns t where t.draft_id = d.id and t.cause = 'feedback')`))
    lost.push(`the feedback on ${row.id} has no turn`);
  for (const row of all(`select s.id, (select count(*) from turns t where t.session_id = s.id and t.cause = 'answer') as answered,
    (select count(*) from turn_records r where r.session_id = s.id and r.kind = 'decided' and r.data ->> '$.decision' = 'answered') as answers
    from sessions s where answered <> answers`))
    wrong.push(`${row.id} has ${row.answers} answers and ${row.answered} turns for them`);

  // Mail left once for each draft that was approved, and for no other.
  const submissions = all(
    'select s.*, d.state as draft_state from submissions s left join drafts d on d.id = s.draft_id',
  );
  once(
    all('select draft_id as id, count(*) as n from submissions group by draft_id having n > 1'),
    (row) => `${row.id} has ${row.n} submissions`,
  );
  const arrived = new Map<string, number>();
  for (const { raw } of smtp.messages()) {
    const id = /^Message-ID: (<.*>)\r?$/im.exec(raw.toString('latin1'))?.[1] ?? '';
    arrived.set(id, (arrived.get(id) ?? 0) + 1);
  }
  for (const [id, number] of arrived) {
    if (number > 1) twice.push(`${id} left ${number} times`);
    if (!submissions.some(({ message_id, draft_state }) => message_id === id && draft_state === 'approved'))
      wrong.push(`${id} left and was not approved`);
  }
  for (const { id, state, message_id } of submissions) {
    if (state === 'sent' && !arrived.has(String(message_id))) lost.push(`${id} is sent and did not arrive`);
    if (state === 'queued' || state === 'sending') lost.push(`${id} is ${state}`);
  }
  for (const row of all(
    "select id from drafts d where state = 'approved' and not exists (select 1 from submissions s where s.draft_id = d.id)",
  ))
    lost.push(`${row.id} is approved and has no submission`);

  // The record is whole, and a session at rest has what it waits for.
  for (const row of all(
    'select session_id as id, count(*) as n, max(seq) as last from turn_records group by session_id having n <> last',
  ))
    wrong.push(`the record of ${row.id} has ${row.n} entries up to ${row.last}`);
  for (const row of all(`select t.id, t.state, sum(r.kind = 'came') as came, sum(r.kind = 'answered') as answered
    from turns t left join turn_records r on r.turn_id = t.id group by t.id having came is not 1 or answered is not (t.state = 'done')`))
    wrong.push(`${row.id} (${row.state}) came ${row.came} times and answered ${row.answered} times`);
  for (const row of all(`select s.id, s.state, s.question, s.wake_at, (select count(*) from drafts d where d.session_id = s.id and d.state = 'waiting') as drafts
    from sessions s where s.token_hash is not null
    or (s.state = 'waiting-for-answer') <> (s.question is not null and s.state not in ('cancelled', 'failed', 'expired'))
    or (s.state = 'waiting-for-approval' and drafts = 0)
    or (s.state in ('done', 'expired') and drafts > 0)`))
    wrong.push(`${row.id} is ${row.state} with ${row.drafts} drafts, question ${row.question}`);

  ledger.close();
  result.figures = {
    sessions: new Set(turns.map(({ session_id }) => session_id)).size,
    turns: turns.length,
    rerun: [...notes.values()].reduce((sum, times) => sum + times - 1, 0),
    drafts: drafts.length,
    sent: [...arrived.values()].reduce((sum, times) => sum + times, 0),
    unknown: submissions.filter(({ state }) => state === 'unknown').length,
  };
  return result;
}

function lines(file: string): string[] {
  try {
    return readFileSync(file, 'utf8')
      .split('\n')
      .filter((line) => line !== '');
  } catch {
    return [];
  }
}
