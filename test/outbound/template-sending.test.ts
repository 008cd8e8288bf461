// Mail by template: an operator names it and gives the data, and what arrives is the page with its pictures; what does not
// go together is told before anything is sent.
import assert from 'node:assert/strict';
import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { text as readAll } from 'node:stream/consumers';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { runCli } from '../../src/api/cli/cli.ts';
import type { Problem } from '../../src/contracts/page.ts';
import type { TemplateCheck, TemplatePreview, TemplateView } from '../../src/contracts/template.ts';
import { parseMail } from '../../src/mail/parse.ts';
import { DEFAULT_PASSWORD, type Dovecot, startDovecot } from '../support/dovecot.ts';
import { ADMIN_TOKEN, startGateway, type TestGateway } from '../support/gateway.ts';
import { salesAccount } from '../support/sales-account.ts';
import { requireService } from '../support/services.ts';
import { type SmtpSink, startSmtpSink } from '../support/smtp-sink.ts';

const SHIPPED = fileURLToPath(new URL('../../templates/', import.meta.url));
const PIXEL = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
  'base64',
);
const RULES = `rules:
  - { name: branded, when: { subject: do branded }, then: [draft: branded] }
`;
const BRANDED = {
  'subject.hbs': 'Order {{order}}',
  'subject.de.hbs': 'Bestellung {{order}}',
  'html.hbs':
    '<html lang="{{@lang}}"><body><img src="{{image "logo.png"}}" alt="Us"><p>Order {{order}}</p></body></html>',
  'html.de.hbs': '<html lang="{{@lang}}"><body><p>Bestellung {{order}}</p></body></html>',
  'template.yaml': 'description: x\ndata: { type: object, properties: { order: { type: string } } }',
  'sample.yaml': 'order: "7"',
};

describe('mail by template', { skip: requireService('dovecot', 'smtp-sink') }, () => {
  let templates: string;
  let dovecot: Dovecot;
  let sink: SmtpSink;
  let gateway: TestGateway;

  before(async () => {
    templates = await mkdtemp(join(tmpdir(), 'postern-templates-'));
    await cp(SHIPPED, templates, { recursive: true });
    await mkdir(join(templates, 'branded'));
    for (const [file, text] of Object.entries(BRANDED))
      await writeFile(join(templates, 'branded', file), text);
    await writeFile(join(templates, 'branded/logo.png'), PIXEL);
    dovecot = await startDovecot({ users: { sales: DEFAULT_PASSWORD } });
    sink = await startSmtpSink();
    gateway = await startGateway({ rules: { 'rules.yaml': RULES }, env: { POSTERN_TEMPLATES: templates } });
    await gateway.addAccount(salesAccount(dovecot, sink));
  });
  after(async () => {
    await gateway?.[Symbol.asyncDispose]();
    await sink?.stop();
    await dovecot?.stop();
    if (templates) await rm(templates, { recursive: true, force: true });
  });

  const submit = (mail: object) =>
    gateway.request<Problem & { id: string }>('POST', '/v1/submissions', {
      account: 'sales',
      to: ['Ann <ann@prospect.example>'],
      ...mail,
    });
  const arrived = async (mail: object) => {
    const all = async () => (await sink.messages()).map((one) => one.raw);
    const before = (await all()).map(String);
    const { status, body } = await submit(mail);
    assert.equal(status, 201, JSON.stringify(body));
    await sink.waitFor(before.length + 1);
    const raw = (await all()).find((one) => !before.includes(String(one))) ?? Buffer.alloc(0);
    return { raw: raw.toString(), mail: await parseMail(raw, { keepContent: true }) };
  };

  it('arrives with its subject, both bodies and its CSS in the elements', async () => {
    const data = {
      number: '2026-118',
      name: 'Ann <b>',
      currency: 'CHF',
      positions: [{ description: 'Pump', quantity: 2, price: 10.5 }],
    };
    const { mail } = await arrived({ template: 'quote', data });
    assert.equal(mail.metadata.subject, 'Quote 2026-118');
    assert.match(mail.content.text, /Dear Ann <b>,/);
    assert.match(mail.content.text, /Total: CHF\s21\.00/);
    assert.match(mail.content.html ?? '', /<p style="[^"]*">Dear Ann &lt;b&gt;,<\/p>/);
    assert.match(mail.content.html ?? '', /prefers-color-scheme: dark/);
  });

  it('arrives in the recipient’s language, and with the pictures that it shows', async () => {
    const german = await arrived({ template: 'branded', data: { order: '8' }, language: 'de-CH' });
    assert.equal(german.mail.metadata.subject, 'Bestellung 8');
    assert.doesNotMatch(german.raw, /image\/png/);
    const { raw, mail } = await arrived({ template: 'branded', data: { order: '9' }, subject: 'My own' });
    assert.equal(mail.metadata.subject, 'My own');
    const cid = /^Content-Id: <(.+)>\r$/im.exec(raw)?.[1];
    assert.ok(cid && mail.content.html?.includes(`src="cid:${cid}"`), raw);
    assert.match(raw, /^Content-Type: multipart\/related/m);
    assert.ok(raw.includes(PIXEL.toString('base64').slice(0, 70)));
  });

  const refused: [what: string, mail: object, status: number, says: RegExp][] = [
    ['a template that there is not', { template: 'none' }, 404, /no template \\?"none/],
    [
      'data that does not fit',
      { template: 'branded', data: { order: 7 } },
      400,
      /"path":"order","message":"expected string, came 7"/,
    ],
    [
      'a field that is missing',
      { template: 'branded' },
      400,
      /branded\/subject\.hbs:1:9 there is no field `order`/,
    ],
    ['a text beside it', { template: 'branded', data: { order: 'x' }, text: 'mine' }, 400, /"path":"text"/],
    ['data without it', { subject: 'x', text: 'y', data: {} }, 400, /"path":"data"/],
    ['neither it nor a subject', { text: 'y' }, 400, /"path":"subject"/],
    ['a name that leads elsewhere', { template: '../x' }, 400, /"path":"template"/],
    [
      'a time zone that there is not',
      { template: 'branded', data: { order: 'x' }, timezone: 'Mars' },
      400,
      /time zone/,
    ],
  ];
  for (const [what, mail, status, says] of refused)
    it(`is refused with ${what}`, async () => {
      const before = (await sink.messages()).length;
      const answer = await submit(mail);
      assert.equal(answer.status, status, JSON.stringify(answer.body));
      assert.match(JSON.stringify(answer.body), says);
      assert.equal((await sink.messages()).length, before);
    });

  it('is refused with a template that was never valid, and says where it is wrong', async () => {
    await mkdir(join(templates, 'broken'));
    await writeFile(join(templates, 'broken/text.hbs'), 'a\n{{> nothing}}');
    const { status, body } = await submit({ template: 'broken' });
    assert.equal(status, 409);
    assert.match(body.detail ?? '', /broken\/text\.hbs:2:1 there is no partial `nothing`/);
    const { body: checked } = await gateway.request<TemplateCheck>('POST', '/v1/templates/check', {});
    assert.deepEqual(
      checked.data.filter(({ problem }) => problem !== null).map(({ name }) => name),
      ['broken'],
    );
    await rm(join(templates, 'broken'), { recursive: true });
  });

  it('is shown before: as it is, as it would be with other files, and in another language', async () => {
    const { data } = await gateway.get<{ data: TemplateView[] }>('/v1/templates');
    assert.deepEqual(data.find(({ name }) => name === 'branded')?.languages, ['en', 'de']);
    const preview = async (input: object) =>
      (await gateway.request<TemplatePreview>('POST', '/v1/templates/branded/preview', input)).body;
    const saved = await preview({});
    assert.equal(saved.subject, 'Order 7');
    assert.equal(saved.inline[0]?.content_base64, PIXEL.toString('base64'));
    assert.equal((await preview({ language: 'de' })).subject, 'Bestellung 7');
    const source = { 'html.hbs': '<p>New {{order}}</p><img src="http://x.example/a.png">' };
    const unsaved = await preview({ source });
    assert.equal(unsaved.html, '<p>New 7</p><img src="http://x.example/a.png">');
    assert.deepEqual(
      unsaved.warnings.map(({ code }) => code),
      ['image_without_alt', 'remote_image', 'no_language'],
    );
    assert.equal((await preview({})).subject, 'Order 7', 'nothing was saved');
  });

  it('is rendered at the command line, as a page, a text or a file of mail, and sent from there', async () => {
    const postern = async (...argv: string[]): Promise<string> => {
      const [stdout, stderr] = [new PassThrough(), new PassThrough()];
      const settings = { url: gateway.url, adminToken: ADMIN_TOKEN, tokenFile: '', rulesDir: gateway.folder };
      const code = await runCli(argv, { stdin: Readable.from([]), stdout, stderr, settings });
      stdout.end();
      stderr.end();
      assert.equal(code, 0, await readAll(stderr));
      return readAll(stdout);
    };
    assert.match(await postern('template', 'list'), /^branded .* en, de /m);
    const data = join(templates, 'data.yaml');
    await writeFile(data, 'order: "11"');
    const shown = await postern('template', 'render', 'branded', '--data', data, '--language', 'de');
    assert.match(shown, /^Subject {3}Bestellung 11$/m);
    const html = await postern('template', 'render', 'branded', '--out', 'html');
    assert.match(html, /^<html lang="en">.*<p>Order 7<\/p>/s);
    const eml = await parseMail(Buffer.from(await postern('template', 'render', 'branded', '--out', 'eml')), {
      keepContent: true,
    });
    assert.equal(eml.metadata.subject, 'Order 7');
    const before = (await sink.messages()).length;
    const to = ['--account', 'sales', '--to', 'ann@prospect.example'];
    await postern('submission', 'create', ...to, '--template', 'branded', '--data', data);
    await sink.waitFor(before + 1);
    assert.ok((await sink.messages()).some(({ raw }) => /^Subject: Order 11\r$/m.test(raw.toString())));
  });

  it('is an answer of a rule as well, with its pictures', async () => {
    await writeFile(
      join(templates, 'branded/html.hbs'),
      '<img src="{{image "logo.png"}}" alt="Us"><p>{{message.subject}}</p>',
    );
    await writeFile(join(templates, 'branded/subject.hbs'), 'Thanks');
    await dovecot.deliver(
      'sales',
      'From: ann@prospect.example\r\nTo: sales@company.example\r\nSubject: do branded\r\nMessage-ID: <b1@prospect.example>\r\nDate: Fri, 20 Nov 2026 15:00:00 +0000\r\n\r\nHi\r\n',
    );
    const draft = await gateway.until(async () => (await gateway.drafts())[0]);
    assert.equal(draft.subject, 'Thanks');
    const [picture] = draft.attachments;
    assert.deepEqual([picture?.content_type, picture?.disposition], ['image/png', 'inline']);
    assert.ok(draft.html?.includes(`cid:${picture?.content_id}`), draft.html ?? '');
  });
});
