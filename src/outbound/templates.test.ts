// Templates of the operator: filled with data that is never compiled, and told apart from it wherever something is wrong.
import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { PosternError } from '../kernel/errors.ts';
import { silentLogger } from '../kernel/logger.ts';
import { compileTemplate } from './template-compile.ts';
import { Templates } from './templates.ts';

const DATA = {
  rule: 'receipts',
  account: { label: 'sales', address: 'sales@company.example', name: 'Sales' },
  message: {
    id: 'msg_1',
    from: { name: 'Ann <b>Buyer</b>', address: 'ann@prospect.example' },
    to: [{ name: '', address: 'sales@company.example' }],
    cc: [],
    subject: 'Pumps & {{account.label}}',
    date: '2026-11-20T15:00:00.000Z',
    attachments: [{ filename: 'plan.pdf', content_type: 'application/pdf', size: 1 }],
  },
};
const fill = (texts: Parameters<typeof compileTemplate>[1], data: object = DATA) =>
  compileTemplate('x', texts).render(data as Record<string, unknown>);
const textOf = (text: string, data?: object): string => fill({ 'text.hbs': text }, data).text;
const errorOf = (work: () => unknown): PosternError => {
  try {
    work();
  } catch (error) {
    if (error instanceof PosternError) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
};

describe('a template', () => {
  it('puts values in as they are in text and subject, and escaped in HTML', () => {
    const { subject, text, html } = fill({
      'subject.hbs': 'Re: {{message.subject}}\n',
      'text.hbs': 'Hello {{message.from.name}}',
      'html.hbs': '<p title="{{message.subject}}">{{message.from.name}}</p>',
    });
    assert.equal(subject, 'Re: Pumps & {{account.label}}', 'what a mail says is no template');
    assert.equal(text, 'Hello Ann <b>Buyer</b>');
    assert.equal(html, '<p title="Pumps &amp; {{account.label}}">Ann &lt;b&gt;Buyer&lt;/b&gt;</p>');
  });

  it('makes the text from the HTML where it has none, and keeps the mail’s subject where it has none', () => {
    const { subject, text } = fill({ 'html.hbs': '<h1>Thanks</h1><p>{{account.name}}</p>' });
    assert.equal(subject, null);
    assert.match(text, /thanks\s+Sales/i);
  });

  it('has a subject of one line, whatever a mail put into it', () => {
    const data = {
      ...DATA,
      message: { ...DATA.message, subject: 'a\r\nBcc: eve@evil.example\u2028b\u0000' },
    };
    assert.equal(
      fill({ 'subject.hbs': '{{message.subject}}', 'text.hbs': 'x' }, data).subject,
      'a Bcc: eve@evil.example b',
    );
    assert.match(errorOf(() => fill({ 'subject.hbs': ' \n', 'text.hbs': 'x' })).message, /empty subject/);
  });

  it('knows loops, conditions, `with`, `lookup` and comments', () => {
    const text =
      '{{#each message.attachments}}{{@index}} {{filename}} of {{../message.id}}{{else}}none{{/each}}';
    assert.equal(textOf(text), '0 plan.pdf of msg_1');
    assert.equal(textOf('{{#*inline "sign"}}{{account.name}}{{/inline}}{{> sign}}'), 'Sales');
    assert.equal(textOf('{{#if message.cc}}a{{else}}b{{/if}}{{#with account}}{{label}}{{/with}}'), 'bsales');
    assert.equal(
      textOf('{{!-- not shown --}}{{lookup account "label"}}{{#unless message.cc}}!{{/unless}}'),
      'sales!',
    );
  });

  it('fails where a field is missing, and names it with file, line and column', () => {
    const error = errorOf(() => textOf('Hello\n  {{message.nam}}'));
    assert.equal(error.code, 'template_failed');
    assert.equal(error.retry, 'never');
    assert.match(error.message, /x\/text\.hbs:2:5 there is no field `nam` in the data/);
    assert.match(
      errorOf(() => textOf('{{nothing.at.all}}')).message,
      /nothing in the data that could have a field `at`/,
    );
    assert.match(errorOf(() => textOf('{{message.subject.deep}}')).message, /`deep` is asked of a text/);
  });

  const invalid: [what: string, texts: Parameters<typeof compileTemplate>[1], says: RegExp][] = [
    ['a block that does not end', { 'text.hbs': 'a\n{{#if message}}' }, /x\/text\.hbs/],
    ['braces that do not match', { 'text.hbs': 'a\nb {{message' }, /x\/text\.hbs:2 cannot be read near/],
    [
      'a helper that there is not',
      { 'text.hbs': '{{shout message.subject}}' },
      /:1:1 there is no helper `shout`/,
    ],
    ['a helper that writes to the console', { 'text.hbs': '{{log message}}' }, /no helper `log`/],
    [
      'HTML that is not escaped',
      { 'html.hbs': '<p>\n{{{message.subject}}}' },
      /x\/html\.hbs:2:1 .* two braces/,
    ],
    ['the same by &', { 'html.hbs': '{{& message.subject}}' }, /two braces/],
    [
      'a partial that there is not',
      { 'text.hbs': 'a\n{{> footer}}' },
      /x\/text\.hbs:2:1 there is no partial `footer`/,
    ],
    ['no body', { 'subject.hbs': 'x' }, /is missing/],
    [
      'a typo in template.yaml',
      { 'text.hbs': 'x', 'template.yaml': 'descripton: x' },
      /template\.yaml.*descripton/,
    ],
    ['broken YAML', { 'text.hbs': 'x', 'template.yaml': 'a: [' }, /template\.yaml:1/],
    [
      'a language that there is not',
      { 'text.hbs': 'x', 'text.de-12.hbs': 'x' },
      /x\/\*\.de-12\.hbs is in no language/,
    ],
    ['no JSON Schema', { 'text.hbs': 'x', 'template.yaml': 'data: { type: nonsense }' }, /no JSON Schema/],
  ];
  for (const [what, texts, says] of invalid)
    it(`is invalid with ${what}`, () => {
      const error = errorOf(() => compileTemplate('x', texts));
      assert.equal(error.code, 'template_invalid');
      assert.match(error.message, says);
    });

  it('checks its data by its schema', () => {
    const about = 'data: { type: object, required: [order], properties: { order: { type: string } } }';
    const texts = { 'text.hbs': 'Order {{order}}', 'template.yaml': about };
    assert.equal(fill(texts, { order: '7' }).text, 'Order 7');
    assert.match(errorOf(() => fill(texts, { order: 7 })).message, /does not fit the template x: `order`/);
  });

  it('reaches nothing but its data', () => {
    for (const path of ['constructor', '__proto__', 'toString', 'hasOwnProperty', '__defineGetter__']) {
      assert.match(errorOf(() => textOf(`{{message.${path}}}`)).message, /there is no field/);
      assert.equal(textOf(`{{lookup message "${path}"}}{{lookup message.to "${path}"}}`), '');
    }
    assert.equal(textOf('{{#with (lookup message "constructor")}}{{this}}{{/with}}'), '');
    const hostile = JSON.parse('{"message":{"__proto__":{"x":"y"},"subject":"s"}}') as object;
    assert.equal(textOf('{{message.subject}}', hostile), 's');
    assert.equal(textOf('{{#if f}}yes{{else}}no{{/if}}', { f: () => 'called' }), 'no');
  });

  it('says no more than a mail may, however much a mail brings', () => {
    const many = { list: Array.from({ length: 1000 }, (_, at) => at), long: 'x'.repeat(600_000) };
    assert.match(errorOf(() => textOf('{{long}}{{long}}', many)).message, /more than 1000000 characters/);
    assert.equal(textOf('{{#each list}}.{{/each}}', many).length, 1000);
    const nested = '{{#each list}}{{#each ../list}}.{{/each}}{{/each}}';
    assert.match(errorOf(() => textOf(nested, many)).message, /more than 10000 steps/);
    assert.equal(
      textOf('{{#each list}}.{{/each}}', many).length,
      1000,
      'each rendering is counted by itself',
    );
  });

  it('tells which fields it reads', () => {
    const template = compileTemplate('x', {
      'text.hbs': '{{#if message.text}}{{/if}}{{lookup message "html"}}',
    });
    assert.deepEqual(
      ['text', 'html', 'reply_text', 'subject'].map((field) => template.reads(field)),
      [true, true, false, false],
    );
  });
});

describe('the templates folder', () => {
  const folders: string[] = [];
  after(async () => {
    for (const folder of folders) await rm(folder, { recursive: true, force: true });
  });
  const folderWith = async (files: Record<string, string>): Promise<string> => {
    const folder = await mkdtemp(join(tmpdir(), 'postern-templates-'));
    folders.push(folder);
    for (const [path, text] of Object.entries(files)) {
      await mkdir(join(folder, path, '..'), { recursive: true });
      await writeFile(join(folder, path), text);
    }
    return folder;
  };

  it('is read again when a file changes; a change that is invalid leaves the last good one in force', async () => {
    const folder = await folderWith({ 'a/text.hbs': 'one' });
    const warnings: string[] = [];
    const log = { ...silentLogger, warn: (_: object, message: string) => void warnings.push(message) };
    const templates = new Templates({ folder, log });
    const say = async (): Promise<string> => (await templates.find('a')).render({}).text;
    assert.equal(await say(), 'one');
    assert.equal(await templates.find('a'), await templates.find('a'), 'compiled once');
    await writeFile(join(folder, 'a/text.hbs'), 'number two');
    assert.equal(await say(), 'number two');
    await writeFile(join(folder, 'a/text.hbs'), '{{#if}');
    assert.equal(await say(), 'number two');
    assert.equal(await say(), 'number two');
    assert.equal(warnings.length, 1, 'told once');
    assert.match(warnings[0] ?? '', /a\/text\.hbs:1/);
    const [listed] = await templates.list();
    assert.match(listed?.problem ?? '', /a\/text\.hbs:1/);
    await rm(join(folder, 'a'), { recursive: true });
    await assert.rejects(say(), { code: 'template_missing' });
  });

  it('has no template of a name that leads elsewhere', async () => {
    const folder = await folderWith({ 'in/a/text.hbs': 'x', 'out/text.hbs': 'secret', 'in/B/text.hbs': 'x' });
    const templates = new Templates({ folder: join(folder, 'in'), log: silentLogger });
    for (const name of ['../out', 'a/../../out', '', '.', 'B', 'a/', 'a\0'])
      await assert.rejects(templates.find(name), { code: 'template_missing' }, name);
    assert.deepEqual(
      (await templates.list()).map(({ name }) => name),
      ['a'],
    );
  });

  it('refuses files that are no text, or larger than a template is', async () => {
    const folder = await folderWith({ 'a/text.hbs': 'x'.repeat(300_000), 'b/text.hbs': '' });
    await writeFile(join(folder, 'b/text.hbs'), Buffer.from([0xff, 0xfe, 0xfd]));
    const templates = new Templates({ folder, log: silentLogger });
    await assert.rejects(templates.find('a'), /larger than 256 kB/);
    await assert.rejects(templates.find('b'), { code: 'template_invalid' });
    assert.deepEqual(await new Templates({ folder: join(folder, 'none'), log: silentLogger }).list(), []);
  });

  it('ships templates that are sound', async () => {
    const folder = fileURLToPath(new URL('../../templates/', import.meta.url));
    const templates = new Templates({ folder, log: silentLogger });
    const all = await templates.list();
    assert.ok(all.some(({ name }) => name === 'received'));
    for (const { name, description, problem } of all) {
      assert.equal(problem, null, name);
      assert.ok(description, name);
    }
    const { subject, text, html } = (await templates.find('received')).render(DATA);
    assert.equal(subject, 'We have your mail: Pumps & {{account.label}}');
    assert.match(text, /^Hello Ann <b>Buyer<\/b>,\n\nthank you for writing to sales@company\.example\./);
    assert.match(html ?? '', /Hello Ann &lt;b&gt;Buyer/);
  });
});
