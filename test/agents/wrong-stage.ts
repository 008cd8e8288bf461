// Tokens of every kind, and the things that they have no business with: sessions of one account and of another, held in the
// middle of their turns, over, cancelled and expired, beside a session whose message, draft and files they may not see.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { ADMIN_TOKEN } from '../support/gateway.ts';
import { call } from './any-door.ts';
import type { Things } from './inputs.ts';
import { type Act, type Stage, setStage } from './stage.ts';

const LIMITS = 'limits: { time: 10m, per_sender: 1000/1h, per_day: 10000, concurrency: 100 }';
const HOOK = 'run: { webhook: { url: "{endpoint}", secret_ref: "env:HOOK_SECRET", allow_private: true } }';
const RULES = `
agents:
  writer: { ${HOOK}, may: { reply: approve, recipients: thread }, ${LIMITS} }
  holder: { ${HOOK}, may: { reply: approve, recipients: thread }, ${LIMITS} }
  knower: { ${HOOK}, may: { reply: approve, recipients: thread, tools: [search_knowledge] }, ${LIMITS} }
  narrow: { ${HOOK}, may: { reply: never, recipients: [], tools: [get_thread], label: false, move: [] }, ${LIMITS} }
rules:
  - { name: knowers, when: { subject: know }, then: [{ spawn: knower }, stop] }
  - { name: narrow ones, when: { subject: narrow }, then: [{ spawn: narrow }, stop] }
  - { name: holders, when: { subject: hold }, then: [ingest, { spawn: holder }, stop] }
  - { name: others, then: [{ spawn: writer }] }
`;

const mailOf = (id: string): string =>
  [
    ...[`From: <${id}@prospect.example>`, 'To: <sales@company.example>', `Subject: ${id}`],
    ...[
      `Message-ID: <${id}@prospect.example>`,
      'MIME-Version: 1.0',
      'Content-Type: multipart/mixed; boundary=m',
    ],
    ...['', '--m\r\nContent-Type: text/plain\r\n', 'Please send the price list.'],
    '--m\r\nContent-Type: text/plain\r\nContent-Disposition: attachment; filename=list.txt\r\n\r\nA canary.',
    '--m--\r\n',
  ].join('\r\n');

export interface Wrong {
  what: string;
  token: string | null;
}

export interface WrongTokens {
  stage: Stage;
  /** Nobody's: not known, or not any more. */
  dead: readonly Wrong[];
  /** Somebody's, whose the things are not. */
  foreign: readonly Wrong[];
  /** Of a session whose policy allows next to nothing. */
  narrow: Wrong;
  /** Of a session of another account, which may search documents. */
  knower: Wrong;
  /** The right one. */
  mine: string;
  things: Things;
}

export async function setWrongTokens(): Promise<WrongTokens> {
  const works: Act = async () => null;
  await using built = new AsyncDisposableStack(); // what is half built is taken down again
  const stage = built.use(await setStage(RULES, { holder: works, knower: works, narrow: works }));
  const { dovecot, rows, gateway } = stage;
  for (const id of ['hold-mine', 'hold-other', 'hold-cancelled', 'hold-expired', 'narrow', 'over'])
    await dovecot.deliver('sales', mailOf(id));
  for (const id of ['hold-board', 'know']) await dovecot.deliver('board', mailOf(id));
  const tokenOf = (id: string): Promise<string> =>
    gateway.until(async () => {
      const found = (await stage.reports()).find(({ messageId }) => messageId === `<${id}@prospect.example>`);
      return found?.token;
    });
  const mine = await tokenOf('hold-mine');
  const sessionOf = (id: string) =>
    rows<{ id: string; thread_id: string; message_id: string; account_id: string }>(
      `select sessions.* from sessions join messages on messages.id = sessions.message_id
         where messages.metadata like ?`,
      `%<${id}@prospect.example>%`,
    )[0];
  const cancelled = await tokenOf('hold-cancelled');
  await gateway.request('POST', `/v1/sessions/${sessionOf('hold-cancelled')?.id}/cancel`, {});
  const expired = await tokenOf('hold-expired');
  const over = await tokenOf('over');
  const drafted = await call(gateway.url, 'POST', '/v1/drafts', mine, { text: 'A draft of mine.' });
  assert.equal(drafted.status, 200, await drafted.clone().text());
  const uploaded = await fetch(`${gateway.url}/v1/objects?filename=mine.txt`, {
    method: 'POST',
    headers: { authorization: `Bearer ${mine}`, 'content-type': 'text/plain' },
    body: 'mine',
  });
  assert.ok(uploaded.ok, await uploaded.clone().text());
  await gateway.until(async () => rows("select 1 from turns where state = 'done'").length > 0);
  const session = sessionOf('hold-mine');
  assert.ok(session);
  const { attachments } = await gateway.get<{ attachments: { id: string }[] }>(
    `/v1/messages/${session.message_id}`,
  );
  const [draft] = rows<{ id: string; digest: string }>(
    'select id, digest from drafts where session_id = ?',
    session.id,
  );
  const [document] = await gateway.until(async () => {
    const found = rows<{ id: string }>(
      'select id from knowledge_documents where message_id = ?',
      session.message_id,
    );
    return found.length > 0 && found;
  });
  const submitted = await gateway.request<{ id: string }>('POST', '/v1/submissions', {
    ...{ account: 'sales', to: ['ann@prospect.example'], subject: 'Ours', text: 'Ours.' },
  });
  await stage.sink.waitFor(1);
  const things = {
    account: session.account_id,
    accounts: session.account_id,
    thread: session.thread_id,
    threads: session.thread_id,
    message: session.message_id,
    messages: session.message_id,
    session: session.id,
    sessions: session.id,
    draft: draft?.id ?? '',
    drafts: draft?.id ?? '',
    digest: draft?.digest ?? '',
    attachment: attachments[0]?.id ?? '',
    'knowledge/documents': document?.id ?? '',
    objects: ((await uploaded.json()) as { id: string }).id,
    submissions: submitted.body.id,
  };
  for (const [name, id] of Object.entries(things)) assert.ok(id, `there is no ${name}`);
  const ledger = new DatabaseSync(join(gateway.folder, 'data', 'ledger.sqlite'));
  ledger.exec('pragma busy_timeout = 10000');
  ledger
    .prepare('update sessions set token_expires_at = ? where id = ?')
    .run(Date.now() - 1, sessionOf('hold-expired')?.id ?? '');
  ledger.close();
  const dead = [
    { what: 'no token', token: null },
    { what: 'a word', token: 'x' },
    { what: 'a token that never was', token: `pst_${'A'.repeat(43)}` },
    {
      what: 'a token with one letter changed',
      token: mine.slice(0, -1) + (mine.endsWith('A') ? 'B' : 'A'),
    },
    { what: 'a part of the operator’s key', token: ADMIN_TOKEN.slice(0, -1) },
    { what: "a turn's that is over", token: over },
    { what: "a cancelled session's", token: cancelled },
    { what: 'an expired token', token: expired },
  ];
  const foreign = [
    { what: "another session's", token: await tokenOf('hold-other') },
    { what: "another account's session's", token: await tokenOf('hold-board') },
  ];
  const narrow = { what: 'a session with less power', token: await tokenOf('narrow') };
  const knower = { what: "another account's session that may search", token: await tokenOf('know') };
  await stage.quiet(8, 'held');
  built.move();
  return { stage, dead, foreign, narrow, knower, mine, things };
}

/** What the session of an agent is about. */
export function thingsOf({ rows }: Stage, agent: string): Things {
  const [row] = rows<Record<string, string>>(
    `select id as session, id as sessions, thread_id as thread, thread_id as threads, message_id as message,
       message_id as messages from sessions where agent = ?`,
    agent,
  );
  return row ?? {};
}
