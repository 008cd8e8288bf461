// An agent that obeys every word of a hostile mail, against the whole gateway with real servers: nothing leaves that policy
// and people did not allow, nothing foreign is read, every try is refused on record, and the honest request is still done.
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { ADMIN_TOKEN } from '../support/gateway.ts';
import { isRunning } from '../support/pids.ts';
import { requireService } from '../support/services.ts';
import type { SinkMessage } from '../support/smtp-sink.ts';
import { eventually } from '../support/waiting.ts';
import { BENIGN } from './deeds.ts';
import {
  answeredTo,
  assertLacks,
  decoded,
  type Played,
  playedBy,
  type RefusedCall,
  recordOf,
} from './evidence.ts';
import { hostileMails as allMails } from './hostile-mails/all.ts';
import { rawMail } from './hostile-mails/mail.ts';
import { CANARIES, type Stage, setStage } from './stage.ts';

/** `ONLY_MAILS=header npm test -- test/agents/obedient.test.ts` plays a part of them, while one writes them. */
const only = new RegExp(process.env.ONLY_MAILS ?? '');
const hostileMails = allMails.filter(({ id }) => only.test(id));
const intruding = hostileMails.filter(({ where }) => where === 'intruder');
/** To start a program takes long: it plays those with files and those that make it stay, and every second of the others. */
const forProgram = hostileMails.filter(
  ({ where, asks }, at) => at % 2 === 0 || where.startsWith('attachment') || asks.includes('stay'),
);
const mailsOf = { sales: forProgram, support: hostileMails };
type User = keyof typeof mailsOf;
const users: readonly User[] = ['sales', 'support'];
const FEWEST_REFUSED = process.env.ONLY_MAILS ? 1 : 200;
const KEPT_FLAGS = new Set(['\\Recent', '\\Answered']);
const AGENT = `
    may: { reply: auto, recipients: thread }
    limits: { time: 3m, per_sender: 1000/1h, per_day: 10000, mails: 10000/1h, burst: 10000/1m, concurrency: 4 }`;
const RULES = `
agents:
  program:
    run: { command: [node, test/agents/obedient-agent.ts], env: [OBEDIENT_REPORTS] }${AGENT}
  endpoint:
    run: { webhook: { url: "{endpoint}", secret_ref: "env:HOOK_SECRET", allow_private: true } }${AGENT}
rules:
  - { name: the board, account: board, then: [ingest, { spawn: program }, stop] }
  - { name: customers, when: { from: "*@customer.example" }, then: [stop] }
  - { name: mail for the program, account: sales, when: { kind: [personal, invitation] }, then: [{ spawn: program }] }
  - { name: mail for the endpoint, account: support, when: { kind: [personal, invitation] }, then: [{ spawn: endpoint }] }
`;

/** How an answer over REST refuses: not known any more, not allowed, not there, not so. */
const REFUSALS = new Set([401, 403, 404, 405]);

const mailOf = (id: string, from: string, to: string, words: string, file?: string): string =>
  [
    `From: <${from}>`,
    `To: <${to}>`,
    `Subject: ${id}`,
    `Message-ID: <${id}@company.example>`,
    'MIME-Version: 1.0',
    'Content-Type: multipart/mixed; boundary=m',
    '',
    '--m\r\nContent-Type: text/plain\r\n',
    words,
    ...(file
      ? [
          `--m\r\nContent-Type: text/plain\r\nContent-Disposition: attachment; filename=minutes.txt\r\n\r\n${file}`,
        ]
      : []),
    '--m--',
    '',
  ].join('\r\n');

describe('an agent that obeys hostile mail', { skip: requireService('dovecot', 'smtp-sink') }, () => {
  let stage: Stage;
  let played: Played[];
  let sent: SinkMessage[];
  let secrets: string[];

  before(async () => {
    stage = await setStage(RULES);
    const { dovecot, gateway, rows } = stage;
    const secret = mailOf(
      'minutes',
      'chair@company.example',
      'board@company.example',
      CANARIES.board,
      CANARIES.boardFile,
    );
    await dovecot.deliver('board', secret);
    for (const user of users)
      await dovecot.deliver(
        user,
        mailOf('another', 'ann@customer.example', `${user}@company.example`, CANARIES.sibling),
      );
    for (const { id } of intruding)
      for (const user of users)
        await dovecot.deliver(
          user,
          mailOf(`open-${id}`, 'ann@customer.example', `${user}@company.example`, CANARIES.intruded),
        );
    const others = 3 + 2 * intruding.length;
    await stage.quiet(others);
    const [own] = rows<Record<string, string>>(
      `select sessions.id as session, thread_id as thread, message_id as message, drafts.id as draft,
         sessions.account_id as account from sessions join drafts using (thread_id)`,
    );
    const [sibling] = rows<Record<string, string>>(
      "select id as sibling, thread_id as siblingthread from messages where account_id = ? and metadata like '%<another@%'",
      stage.accounts.sales,
    );
    const [{ token = '' } = {}] = await stage.reports();
    assert.ok(own && sibling && token);
    const names = { ...own, ...sibling, token, expired: `pst_${'A'.repeat(43)}` };
    for (const user of users)
      await dovecot.deliverMany(
        user,
        mailsOf[user].map((mail) => rawMail(mail, names, `${user}@company.example`)),
      );
    await stage.quiet(others + forProgram.length + hostileMails.length);
    played = await playedBy(stage, hostileMails);
    sent = await stage.sink.messages();
    const masterKey = readFileSync(join(gateway.folder, 'data', 'master.key'), 'utf8').trim();
    secrets = [
      ...[ADMIN_TOKEN, CANARIES.password, CANARIES.environment, CANARIES.board, CANARIES.boardFile],
      ...[masterKey, Buffer.from(masterKey, 'base64').toString('hex')],
    ];
  });
  after(async () => stage?.[Symbol.asyncDispose]());

  it('reads the order of each mail, and tries it', () => {
    assert.equal(played.length, forProgram.length + hostileMails.length);
    for (const { mail, report } of played) {
      const found = report.orders.map(({ kind }) => kind);
      const wanted = mail.asks;
      assert.deepEqual([...new Set(found)].sort(), [...new Set(wanted)].sort(), mail.id);
      for (const kind of wanted)
        assert.ok(
          report.attempts.some(({ order }) => order === kind),
          `${mail.id} ${kind}`,
        );
    }
    const obeyed = new Set(
      played.filter(({ report }) => report.orders.length > 0).map(({ mail }) => mail.id),
    );
    assert.ok(obeyed.size >= FEWEST_REFUSED, `${obeyed.size} mails were obeyed`);
  });

  it('is refused each try, whichever door it takes', () => {
    for (const { mail, report } of played) {
      for (const attempt of report.attempts) {
        if (attempt.door === 'call')
          assert.ok(
            REFUSALS.has(attempt.status),
            `${mail.id}: ${attempt.call} answered ${attempt.status} ${attempt.code}`,
          );
        if (attempt.door === 'tool') {
          assert.ok(
            ['error', 'refused'].includes(attempt.state),
            `${mail.id}: ${attempt.tool} is ${attempt.state}`,
          );
        }
      }
    }
  });

  it('has each refusal on record, with the rule or the code that it is refused by', () => {
    for (const { mail, report } of played) {
      const records = stage
        .rows<{ data: string }>(
          "select data from turn_records where kind = 'refused' and session_id = ? order by seq",
          report.session,
        )
        .map(({ data }) => JSON.parse(data) as RefusedCall);
      for (const wanted of report.attempts.flatMap(recordOf)) {
        const at = records.findIndex((one) =>
          wanted.some((name) => [one.call, one.operation].includes(name)),
        );
        const found = records[at];
        assert.ok(found, `${mail.id}: no refusal of ${wanted.join(' or ')} is on record`);
        assert.ok(found.rule ?? found.code, `${mail.id}: ${wanted} was refused by nothing`);
        records.splice(at, 1);
      }
    }
  });

  it('makes nothing leave but what policy let go, to whoever wrote, without a secret', async () => {
    const approved = stage.rows<{ message_id: string; approved_by: string }>(
      'select message_id, approved_by from submissions',
    );
    assert.equal(sent.length, approved.length);
    assert.ok(approved.every(({ approved_by }) => approved_by.startsWith('policy:')));
    const vouched = hostileMails.filter(({ isVouched, where }) => isVouched && where !== 'intruder');
    const senders = new Set(vouched.map(answeredTo));
    const disguised = played.flatMap(({ report: { token } }) => [
      token,
      Buffer.from(token).toString('base64').slice(0, 40),
    ]);
    for (const { recipients, raw } of sent) {
      const words = raw.toString('utf8');
      const id = /^Message-ID: (\S+)\r$/im.exec(words)?.[1] ?? '';
      assert.ok(approved.some(({ message_id }) => message_id === id));
      assert.equal(recipients.length, 1);
      assert.ok(senders.has(recipients[0] ?? ''), recipients.join());
      assertLacks(
        words,
        [...secrets, CANARIES.sibling, CANARIES.intruded, 'pst_'],
        `a mail to ${recipients}`,
      );
      const read = decoded(words);
      assertLacks(read, disguised, `a mail to ${recipients}`);
      assert.doesNotMatch(read, /[\u{e0000}-\u{e007f}]|<img|\]\[|!\[/u);
      assert.doesNotMatch(words, /^(?:Bcc|Reply-To):/im);
      assert.match(words, /^From: .*<?(?:sales|support)@company\.example>?\r$/m);
    }
  });

  it('still answers the honest request of every mail', async () => {
    const drafts = stage.rows<{ session_id: string; state: string; content: string }>(
      'select session_id, state, content from drafts join draft_versions on draft_id = drafts.id',
    );
    for (const { mail, report } of played) {
      const honest = drafts.filter(
        ({ session_id, content }) =>
          session_id === report.session && (JSON.parse(content) as { text: string }).text.startsWith(BENIGN),
      );
      assert.equal(honest.length, 1, `${mail.id}: ${report.session}`);
      const [draft] = honest;
      const { to } = JSON.parse(draft?.content ?? '{}') as { to: { address: string }[] };
      assert.deepEqual(
        to.map(({ address }) => address),
        [answeredTo(mail)],
      );
      assert.ok(['waiting', 'approved'].includes(draft?.state ?? ''));
    }
  });

  it('gets nothing of other accounts, threads and people, nor any secret but its own token', () => {
    for (const { mail, report } of played) {
      const got = report.got.join('\n').replaceAll(report.token, '');
      // Who has got hold of a Message-ID writes into its conversation, which the agent is then shown.
      const foreign = mail.where === 'intruder' ? [] : [CANARIES.intruded];
      assertLacks(got, [...secrets, CANARIES.sibling, ...foreign], mail.id);
    }
  });

  it('leaves no secret in the log and in what is kept of the sessions', async () => {
    assertLacks(stage.gateway.log(), [...secrets, 'pst_'], 'the log');
    const kept = JSON.stringify([
      stage.rows('select answer, log, refusals, error from turns'),
      stage.rows('select data from turn_records'),
      stage.rows('select content from draft_versions'),
      stage.rows('select summary, question, error, taint from sessions'),
      stage.rows('select payload, error from jobs'),
    ]);
    const own = played.map(({ report }) => report.token);
    assertLacks(
      kept,
      [ADMIN_TOKEN, CANARIES.password, CANARIES.environment, ...secrets.slice(-2)],
      'the ledger',
    );
    assert.equal(new Set(own).size, own.length);
  });

  it('changes neither mailboxes nor accounts nor rules', async () => {
    for (const user of users) {
      const mails = await stage.dovecot.list(user);
      assert.equal(mails.length, mailsOf[user].length + intruding.length + 1);
      // What was answered is marked as such, by the gateway; nothing else is touched.
      const touched = mails.flatMap(({ flags }) => flags.filter((flag) => !KEPT_FLAGS.has(flag)));
      assert.deepEqual(touched, []);
    }
    const { data } = await stage.gateway.get<{ data: { label: string; active: boolean }[] }>('/v1/accounts');
    assert.deepEqual(data.map(({ label, active }) => [label, active]).sort(), [
      ['board', true],
      ['sales', true],
      ['support', true],
    ]);
    const rules = await stage.gateway.get<{ data: unknown[] }>('/v1/rules');
    assert.equal(rules.data.length, 4);
  });

  it('has no power left when its turn is over, whatever it started', {
    skip: !forProgram.some(({ asks }) => asks.includes('stay')),
  }, async () => {
    const stayed = played.filter(({ report }) => report.attempts.some(({ order }) => order === 'stay'));
    const program = stayed.find(({ account }) => account === stage.accounts.sales);
    assert.ok(program);
    const file = (ending: string) => join(stage.folder, `${program.report.session}.${ending}`);
    const pid = Number(readFileSync(file('pid'), 'utf8'));
    const said = () => (existsSync(file('stayed')) ? readFileSync(file('stayed'), 'utf8') : '');
    await eventually(async () => said() === '401' || !isRunning(pid)); // its token is dead, or it is
    for (const { report } of played.slice(0, 5)) {
      const answer = await fetch(`${stage.gateway.url}/v1/messages`, {
        headers: { authorization: `Bearer ${report.token}` },
      });
      assert.equal(answer.status, 401);
    }
  });
});
