// Rules made and tried over REST and at the command line, against the real process and mail on Dovecot.
import assert from 'node:assert/strict';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { text as textOf } from 'node:stream/consumers';
import { after, before, describe, it } from 'node:test';
import { runCli } from '../../src/api/cli/cli.ts';
import type { MadeRuleVersion, RuleDetail, RuleView } from '../../src/contracts/made-rule.ts';
import type { MessageView } from '../../src/contracts/mail.ts';
import type { RuleProblem } from '../../src/contracts/rule.ts';
import type { BackTestView, MailTest } from '../../src/contracts/rule-test.ts';
import { blocksOf, commandsOf, wordsOf } from '../docs/blocks.ts';
import { DEFAULT_PASSWORD, type Dovecot, startDovecot } from '../support/dovecot.ts';
import { ADMIN_TOKEN, startGateway, type TestGateway } from '../support/gateway.ts';
import { requireService } from '../support/services.ts';

const FILE = `
agents:
  writer: { run: { command: [node, -e, ""] } }
rules:
  - { name: newsletters, account: sales, when: { subject: newsletter }, then: [label: News, stop] }
`;
const CUSTOMERS = `# Who buys from us
name: customers
when:
  from: "*@customer.example"
then:
  - label: Customers
`;

interface Listed {
  version: string;
  data: RuleView[];
  problems: RuleProblem[];
}

describe('rules made over REST', { skip: requireService('dovecot') }, () => {
  let dovecot: Dovecot;
  let gateway: TestGateway;

  before(async () => {
    dovecot = await startDovecot({ users: { sales: DEFAULT_PASSWORD } });
    gateway = await startGateway({ rules: { 'a.yaml': FILE } });
    await gateway.addAccount({
      label: 'sales',
      address: 'sales@company.example',
      imap: { host: '127.0.0.1', port: dovecot.imapPort, security: 'none' },
      smtp: { host: '127.0.0.1', port: 1, security: 'none' },
      require_tls: false,
      auth: { type: 'basic', username: 'sales', password: DEFAULT_PASSWORD },
      watch: { interval: '1s' },
    });
  });
  after(async () => {
    await gateway?.[Symbol.asyncDispose]();
    await dovecot?.stop();
  });

  const list = (): Promise<Listed> => gateway.get<Listed>('/v1/rules');
  const names = async (): Promise<string[]> => (await list()).data.map(({ name }) => name);
  const make = (body: object, headers = {}) =>
    gateway.request<RuleDetail>('POST', '/v1/rules', body, headers);
  const test = <T>(body: object) => gateway.request<T>('POST', '/v1/rules/test', body);

  /** Sends a mail and gives its message as soon as the ledger has it. */
  async function arrive(from: string, subject: string): Promise<MessageView> {
    await dovecot.deliver('sales', mail(from, subject));
    return gateway.until(async () => {
      const { data } = await gateway.get<{ data: MessageView[] }>('/v1/messages');
      return data.find((message) => message.subject === subject);
    });
  }

  /** Runs a command as a script does. */
  async function postern(...argv: string[]): Promise<{ code: number; out: string; err: string }> {
    const [stdin, stdout, stderr] = [new PassThrough(), new PassThrough(), new PassThrough()];
    stdin.end();
    const settings = {
      ...{ url: gateway.url, adminToken: ADMIN_TOKEN, tokenFile: '' },
      rulesDir: join(gateway.folder, 'rules'),
    };
    const code = await runCli(argv, { stdin, stdout, stderr, settings });
    stdout.end();
    stderr.end();
    return { code, out: await textOf(stdout), err: await textOf(stderr) };
  }

  it('a rule that was made acts on the next mail, and is there after a kill', async () => {
    const made = await make({ text: CUSTOMERS });
    assert.equal(made.status, 201);
    assert.deepEqual(
      [made.body.origin, made.body.version, made.body.created_by, made.body.in_force, made.body.text],
      ['made', 1, 'admin', true, CUSTOMERS],
    );
    assert.deepEqual(await names(), ['newsletters', 'customers']);
    const { decisions } = await arrive('anna@customer.example', 'First order');
    assert.deepEqual(
      decisions.map(({ rule, actions }) => [rule, actions]),
      [['customers', [{ label: 'Customers' }]]],
    );
    await gateway.kill();
    await gateway.start();
    assert.deepEqual(await names(), ['newsletters', 'customers']);
  });

  it('a rule that does not compile is refused with its place; the same request makes one rule', async () => {
    const wrong = await make({ text: 'name: x\nthen:\n  - spawn: writr\n' });
    assert.deepEqual([wrong.status, wrong.body.code], [422, 'rules_invalid']);
    assert.match(JSON.stringify(wrong.body.errors), /"path":"rule:3:12".*no agent `writr`.*`writer`/);
    const taken = await make({ text: CUSTOMERS });
    assert.deepEqual([taken.status, taken.body.code], [409, 'rule_name_taken']);
    // biome-ignore lint/suspicious/noThenProperty: the language says then
    const rule = { name: 'once', when: { subject: 'once' }, then: ['mark_seen'] };
    const key = { 'Idempotency-Key': 'once' };
    const [first, second] = [await make({ rule }, key), await make({ rule }, key)];
    assert.deepEqual([first.status, second.status, second.body.id], [201, 201, first.body.id]);
    assert.deepEqual(await names(), ['newsletters', 'customers', 'once']);
  });

  it('a change is a version with its author, a stale one is refused, a rule of a file is only read', async () => {
    const path = '/v1/rules/once';
    const off = await gateway.request<RuleDetail>('PATCH', path, { enabled: false, version: 1 });
    assert.deepEqual([off.body.version, off.body.enabled, off.body.in_force], [2, false, false]);
    const stale = await gateway.request('PATCH', path, { enabled: true, version: 1 });
    assert.deepEqual([stale.status, stale.body.code], [409, 'rule_changed']);
    const { id } = await gateway.get<RuleDetail>(path);
    assert.equal((await gateway.request('DELETE', `${path}?version=2`)).status, 204);
    assert.equal((await gateway.request('GET', path)).status, 404);
    const versions = await gateway.get<{ data: MadeRuleVersion[]; next_page_token: string | null }>(
      `/v1/rules/${id}/versions?limit=2`,
    );
    assert.deepEqual(
      versions.data.map(({ version, change, author }) => [version, change, author]),
      [
        [3, 'deleted', 'admin'],
        [2, 'updated', 'admin'],
      ],
    );
    const rest = await gateway.get<{ data: MadeRuleVersion[] }>(
      `/v1/rules/${id}/versions?limit=2&page_token=${versions.next_page_token}`,
    );
    assert.deepEqual(
      rest.data.map(({ change }) => change),
      ['created'],
    );
    for (const method of ['PATCH', 'DELETE']) {
      const refused = await gateway.request(
        method,
        '/v1/rules/newsletters',
        method === 'PATCH' ? {} : undefined,
      );
      assert.deepEqual([refused.status, refused.body.code], [409, 'rule_of_a_file']);
      assert.match(refused.body.hint ?? '', /a\.yaml:5/);
    }
    const audit = await gateway.get<{ data: { operation: string; target: string; outcome: string }[] }>(
      '/v1/audit?operation=rules.delete',
    );
    assert.deepEqual(
      audit.data.map(({ target, outcome }) => [target, outcome]),
      [
        ['rule:newsletters', 'failed'],
        ['rule:newsletters', 'begun'],
        ['rule:once', 'ok'],
        ['rule:once', 'begun'],
      ],
    );
  });

  it('a file that takes the name of a made rule is refused and told of; the last good set stays', async () => {
    await gateway.rules('b.yaml', 'rules:\n  - { name: customers, then: [stop] }\n');
    const told = await gateway.until(async () => {
      const now = await list();
      return now.problems.length > 0 && now;
    });
    assert.match(told.problems[0]?.message ?? '', /`customers` is already defined in b\.yaml:2/);
    assert.deepEqual(
      told.data.map(({ name, origin }) => [name, origin]),
      [
        ['newsletters', 'file'],
        ['customers', 'made'],
      ],
    );
    const shown = await postern('rules', 'list');
    assert.match(shown.out, /rul_\w+:\d+:\d+ {2}the rule `customers` is already defined in b\.yaml:2/);
    await rm(join(gateway.folder, 'rules', 'b.yaml'));
    await gateway.until(async () => (await list()).problems.length === 0);
  });

  it('a stored mail is tried with the rules in force, with one that is not saved, and with other files', async () => {
    const { id } = await arrive('bert@customer.example', 'A complaint, and a newsletter');
    const now = await test<MailTest>({ message_id: id });
    assert.deepEqual(
      now.body.matches.map(({ rule }) => rule),
      ['newsletters'],
    );
    assert.deepEqual(now.body.explanation.at(-1)?.stopped_by, 'newsletters');
    const text = 'name: complaints\npriority: 10\nwhen: { subject: complaint }\nthen: [{ spawn: writer }]\n';
    const tried = await test<MailTest>({ message_id: id, candidate: { text } });
    assert.deepEqual(tried.body.would[0], { rule: 'complaints', action: { spawn: 'writer' }, held: null });
    const wrong = await test({ message_id: id, candidate: { text: 'name: x\nthen: [spwan: y]' } });
    assert.deepEqual([wrong.status, wrong.body.code], [422, 'rules_invalid']);
    const files = [{ name: 'other.yaml', text: 'rules: [{ name: all, then: [mark_seen] }]' }];
    const others = await test<MailTest>({ message_id: id, files });
    assert.deepEqual(
      others.body.matches.map(({ rule }) => rule),
      ['all', 'customers'],
    );
    assert.deepEqual(await names(), ['newsletters', 'customers'], 'nothing of it is in force');
  });

  it('a condition on the text is not known until the text was fetched', async () => {
    const { id } = await arrive('carl@elsewhere.example', 'Nothing to see');
    const candidate = { text: 'name: words\nwhen: { text: pumps }\nthen: [stop]\n' };
    const before = await test<MailTest>({ message_id: id, candidate });
    const [, , words] = before.body.explanation;
    assert.deepEqual([words?.matched, words?.unsure], [false, true]);
    assert.equal(words?.text, 'may match: text wants pumps, which is not known');
    const fetched = await test<MailTest>({ message_id: id, candidate, fetch: true });
    assert.equal(fetched.body.explanation[2]?.matched, true);
  });

  it('the mail of some days is tried, and nothing is done', async () => {
    const decided = async () =>
      (await gateway.get<{ data: MessageView[] }>('/v1/messages')).data.map(({ id, decisions }) => [
        id,
        decisions,
      ]);
    const before = await decided();
    const found = await test<BackTestView>({ account: 'sales', since: '30d' });
    assert.deepEqual([found.status, found.body.messages, found.body.unmatched], [200, 3, 1]);
    assert.deepEqual(
      found.body.rules.map(({ rule, matches, added, removed }) => [rule, matches, added, removed]),
      [
        ['newsletters', 1, 0, 0],
        ['customers', 1, 0, 0],
      ],
    );
    const text =
      'name: customers\nwhen: { from: bert@customer.example }\nthen: [{ spawn: writer }]\npriority: 5\n';
    const tried = await test<BackTestView>({ account: '*', since: '2026-01-01', candidate: { text } });
    const customers = tried.body.rules.find(({ rule }) => rule === 'customers');
    assert.deepEqual([customers?.matches, customers?.added, customers?.removed], [1, 1, 1]);
    assert.equal(customers?.samples[0]?.subject, 'A complaint, and a newsletter');
    for (const bad of [{ since: '30d' }, { since: 'soon', account: 'sales' }, { account: 'sales' }]) {
      assert.equal((await test(bad)).status, 400, JSON.stringify(bad));
    }
    assert.deepEqual(await decided(), before);
    assert.deepEqual(await gateway.sessions(), []);
  });

  it('what docs/rules.md says can be typed does what it says', async (t) => {
    const folder = join(gateway.folder, 'typed');
    await mkdir(join(folder, 'other-rules'), { recursive: true });
    const blocks = blocksOf('docs/rules.md');
    const written = blocks.find(({ language }) => language === 'yml')?.text ?? '';
    await writeFile(join(folder, 'customers.yaml'), written.replace('name: customers', 'name: typed'));
    await writeFile(join(folder, 'mail.eml'), mail('anna@customer.example', 'Typed order'));
    const project = process.cwd();
    process.chdir(folder);
    t.after(() => process.chdir(project));
    const { data } = await gateway.get<{ data: MessageView[] }>('/v1/messages');
    const sections = ['Trying a rule', 'Rules made in the console'];
    const lines = commandsOf('docs/rules.md').filter(({ section }) => sections.includes(section));
    assert.equal(lines.length, 13);
    for (const { line } of lines) {
      if (line.startsWith('curl')) {
        const words = wordsOf(line);
        const answer = await test<BackTestView>(JSON.parse(words[words.indexOf('-d') + 1] ?? '') as object);
        assert.equal(answer.body.rules.find(({ rule }) => rule === 'customers')?.matches, 1);
        continue;
      }
      const words = wordsOf(line.replace(/msg_\w+/, data[0]?.id ?? '')).slice(4);
      const ran = await postern(...words.map((word) => (word === 'customers' ? 'typed' : word)));
      assert.equal(ran.code, 0, `${line}\n${ran.err}`);
    }
    assert.deepEqual(await names(), ['newsletters', 'customers']);
  });

  it('the command line makes, shows, changes, tries and removes rules', async () => {
    const file = join(gateway.folder, 'rule.yaml');
    const eml = join(gateway.folder, 'mail.eml');
    const folder = join(gateway.folder, 'other');
    await mkdir(folder);
    await writeFile(file, 'name: orders\nwhen: { subject: order }\nthen: [mark_seen]\n');
    await writeFile(eml, mail('anna@customer.example', 'Second order'));
    await writeFile(join(folder, 'c.yaml'), 'rules: [{ name: everything, then: [mark_seen] }]');

    const offline = await postern('rules', 'test', '--message', eml, '--account', 'sales', '--rule', file);
    assert.match(offline.out, /^newsletters: does not match: subject wants newsletter/m);
    assert.match(offline.out, /^orders: matches\n {2}mark_seen$/m);
    const back = await postern('rules', 'test', '--account', 'sales', '--since', '30d', '--rule', file);
    assert.match(back.out, /^3 messages since .*; 1 of them match no rule\.$/m);
    assert.match(back.out, /^orders +1 +0 +1 +0$/m);
    assert.match(back.out, /^label Customers +1 +0$/m);
    const other = await postern('rules', 'test', '--account', 'sales', '--since', '30d', '--rules', folder);
    assert.match(other.out, /^everything +3 +0 +3 +0$/m);
    assert.match(other.out, /^newsletters +0 +0 +0 +1$/m, 'what acted then, and is not in that folder');

    const created = await postern('rules', 'create', '--text-file', file, '--json');
    assert.equal(created.code, 0, created.err);
    const { id } = JSON.parse(created.out) as RuleDetail;
    assert.match(
      (await postern('rules', 'list')).out,
      new RegExp(`^orders +- +made .*${String(id)} +1 +yes$`, 'm'),
    );
    assert.match((await postern('rules', 'show', 'orders')).out, /│ name: orders/);
    assert.equal((await postern('rules', 'update', 'orders', '--no-enabled')).code, 0);
    const messages = await gateway.get<{ data: MessageView[] }>('/v1/messages');
    const tried = await postern('rules', 'test', '--id', messages.data.at(-1)?.id ?? '');
    assert.match(tried.out, /^customers: matches\n {2}label Customers$/m);
    assert.equal((await postern('rules', 'delete', 'orders')).code, 0);
    assert.match((await postern('rules', 'versions', String(id))).out, /^3 +deleted +orders +no +admin /m);
    const twice = await postern('rules', 'test', '--message', eml, '--since', '1d');
    assert.equal(twice.code, 2);
    assert.match((await postern('rules', 'create', '--text', 'name: x')).err, /`then`.*missing/);
  });
});

function mail(from: string, subject: string): string {
  return [
    ...[`From: ${from}`, 'To: sales@company.example', `Subject: ${subject}`],
    ...[`Message-ID: <${subject.replaceAll(/\W/g, '-')}@test.example>`, `Date: ${new Date().toUTCString()}`],
    ...['Content-Type: text/plain', '', 'Three hundred pumps, please.', ''],
  ].join('\r\n');
}
