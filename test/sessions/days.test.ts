// One session over two days: five turns, a gateway that is killed between any two of them, and a clock that goes on.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { it } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { DraftView } from '../../src/contracts/draft.ts';
import type { SessionView, TurnView } from '../../src/contracts/session.ts';
import type { SessionRecord } from '../../src/contracts/session-record.ts';
import { DEFAULT_PASSWORD, startDovecot } from '../support/dovecot.ts';
import { prepareGateway } from '../support/gateway.ts';
import { salesAccount } from '../support/sales-account.ts';
import { requireService } from '../support/services.ts';
import { startSmtpSink } from '../support/smtp-sink.ts';

const HOUR = 3_600_000;
const CLOCK = fileURLToPath(new URL('../support/shifted-clock.ts', import.meta.url));

/** Notes what it was given, and goes on from turn to turn. */
const AGENT = `
  const { appendFileSync, readFileSync } = require('node:fs');
  const { type, timestamp, data } = JSON.parse(readFileSync(0, 'utf8'));
  const { session, message, thread, feedback, question } = data;
  appendFileSync(process.argv[1], JSON.stringify({ type, session: session.id, turn: session.turn, message: message.message_id,
    thread: thread.map(({ text, own }) => own ? 'us' : text.trim()), feedback, question }) + '\\n');
  const until = new Date(Date.parse(timestamp) + 20 * 3600000).toISOString();
  const reply = { type: 'reply', text: 'Answer of turn ' + session.turn + '.' };
  const actions = {
    'message.received': session.turn === 1 ? [reply] : [{ type: 'ask', question: 'May I give 5 %?' }],
    'question.answered': [reply],
    'draft.rejected': [reply, { type: 'wait', until }],
    'reply.overdue': [{ type: 'done', summary: 'nobody answered' }],
  };
  process.stdout.write(JSON.stringify({ actions: actions[type] }));`;

interface Note {
  type: string;
  session: string;
  turn: number;
  message: string;
  thread: string[];
  feedback?: string;
  question?: string;
}

it('a session of five turns over two days goes on after every kill', {
  skip: requireService('dovecot', 'smtp-sink'),
}, async () => {
  await using dovecot = await startDovecot({ users: { sales: DEFAULT_PASSWORD } });
  await using sink = await startSmtpSink();
  await using gateway = await prepareGateway();
  const notesFile = join(gateway.folder, 'notes');
  await gateway.rules(
    'rules.yaml',
    `agents: { writer: { run: { command: [node, -e, ${JSON.stringify(AGENT)}, ${JSON.stringify(notesFile)}] } } }
rules: [ { name: all mail, then: [{ spawn: writer }] } ]`,
  );
  await gateway.start();
  await gateway.addAccount(salesAccount(dovecot, sink));

  let laterMs = 0;
  const goOn = async (hours: number): Promise<void> => {
    await gateway.kill();
    laterMs += hours * HOUR;
    gateway.setEnv({ NODE_OPTIONS: `--import=${CLOCK}`, TEST_CLOCK_LATER_MS: String(laterMs) });
    await gateway.start();
  };
  const rests = (state: SessionView['state']): Promise<SessionView> =>
    gateway.until(async () => {
      const [session, ...more] = await gateway.sessions();
      assert.equal(more.length, 0);
      return session?.state === state ? session : null;
    });
  const waiting = async (): Promise<DraftView> => {
    const [draft, ...more] = await gateway.drafts();
    assert.ok(draft && more.length === 0);
    return draft;
  };
  const post = async (path: string, body: unknown): Promise<void> => {
    const { status } = await gateway.request('POST', path, body);
    assert.equal(status, 200, path);
  };
  const leaves = (count: number): Promise<unknown> =>
    gateway.until(async () => {
      const { data } = await gateway.get<{ data: { state: string }[] }>('/v1/submissions');
      return data.filter(({ state }) => state === 'sent').length === count;
    });
  const write = (id: string, text: string, headers: string[] = []): Promise<unknown> =>
    dovecot.deliver(
      'sales',
      [
        ...['From: Ann <ann@prospect.example>', 'To: sales@company.example', 'Subject: An offer'],
        ...[`Message-ID: <${id}@prospect.example>`, ...headers, '', text, ''],
      ].join('\r\n'),
    );

  // The first day: a mail, and a draft that a person releases after a kill.
  await write('first', 'What does it cost?');
  await rests('waiting-for-approval');
  await goOn(5);
  const first = await waiting();
  await post(`/v1/drafts/${first.id}/approve`, { digest: first.digest });
  await leaves(1);
  await goOn(3);
  // The customer answers; the agent asks a person, who answers after the night.
  await write('second', 'That is too much.', [`In-Reply-To: ${first.message_id}`]);
  const asking = await rests('waiting-for-answer');
  await goOn(12);
  await post(`/v1/sessions/${asking.id}/answer`, { text: 'Yes, 5 %.' });
  await rests('waiting-for-approval');
  await goOn(1);
  // The second day: what it writes is sent back, and written again.
  const second = await waiting();
  await post(`/v1/drafts/${second.id}/reject`, { feedback: 'Kinder, please.' });
  await gateway.until(async () => (await gateway.sessions())[0]?.turns === 4);
  await rests('waiting-for-approval');
  const third = await waiting();
  await goOn(2);
  await post(`/v1/drafts/${third.id}/approve`, { digest: third.digest });
  await leaves(2);
  await rests('waiting-for-reply');
  // Nobody answers by the time that the agent named.
  await goOn(25);
  const { id, summary, turns } = await rests('done');
  assert.deepEqual([id, summary, turns], [asking.id, 'nobody answered', 5]);
  assert.equal(laterMs, 48 * HOUR);

  const { history } = await gateway.get<{ history: TurnView[] }>(`/v1/sessions/${id}`);
  assert.deepEqual(
    history.map(({ number, cause, state }) => [number, cause, state]),
    [
      [1, 'message', 'done'],
      [2, 'message', 'done'],
      [3, 'answer', 'done'],
      [4, 'feedback', 'done'],
      [5, 'wake', 'done'],
    ],
  );
  const notes = readFileSync(notesFile, 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Note);
  assert.deepEqual(
    notes.map(({ type, session, turn }) => [type, session === id, turn]),
    [
      ['message.received', true, 1],
      ['message.received', true, 2],
      ['question.answered', true, 3],
      ['draft.rejected', true, 4],
      ['reply.overdue', true, 5],
    ],
  );
  assert.deepEqual([notes[2]?.question, notes[2]?.feedback], ['May I give 5 %?', 'Yes, 5 %.']);
  assert.equal(notes[3]?.feedback, 'Kinder, please.');
  assert.deepEqual(notes[4]?.thread, ['What does it cost?', 'us', 'us']);
  const sent = await sink.messages();
  assert.deepEqual(
    sent.map(({ raw }) => /Answer of turn \d/.exec(raw.toString())?.[0]),
    ['Answer of turn 1', 'Answer of turn 4'],
  );
  const { data } = await gateway.get<{ data: SessionRecord[] }>(`/v1/sessions/${id}/record?limit=100`);
  assert.deepEqual(
    data.filter(({ kind }) => kind === 'came').map(({ data: { cause } }) => cause),
    ['message', 'message', 'answer', 'feedback', 'wake'],
  );
});
