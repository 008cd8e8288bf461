// Folders of templates as their operators have them: what is shared, what is wrong, and what is only unwise.
import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { after, describe, it } from 'node:test';
import { templateCheckCommand } from '../api/cli/template-commands.ts';
import { silentLogger } from '../kernel/logger.ts';
import { previewBytes } from './preview-bytes.ts';
import { checkTemplates, previewTemplate } from './template-preview.ts';
import { Templates } from './templates.ts';

const PIXEL = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
  'base64',
);

describe('a folder of templates', () => {
  const folders: string[] = [];
  after(async () => {
    for (const folder of folders) await rm(folder, { recursive: true, force: true });
  });
  const write = async (folder: string, files: Record<string, string | Buffer>): Promise<void> => {
    for (const [path, content] of Object.entries(files)) {
      await mkdir(dirname(join(folder, path)), { recursive: true });
      await writeFile(join(folder, path), content);
    }
  };
  const folderWith = async (files: Record<string, string | Buffer>): Promise<string> => {
    const folder = await mkdtemp(join(tmpdir(), 'postern-templates-'));
    folders.push(folder);
    await write(folder, files);
    return folder;
  };
  const shelfOf = (folder: string) => new Templates({ folder, log: silentLogger });

  it('is read again when a layout, a partial or a picture changes that templates share', async () => {
    const folder = await folderWith({
      'a/html.hbs': '{{> sign}}<img src="{{image "logo.png"}}" alt="">',
      'a/template.yaml': 'layout: page',
      '_layouts/page.hbs': '<b>{{> @partial-block}}</b>',
      '_partials/sign.hbs': 'Ann',
      '_images/logo.png': PIXEL,
    });
    const shelf = shelfOf(folder);
    const html = async () => (await shelf.find('a')).render({}).html ?? '';
    const first = await html();
    assert.match(first, /^<b>Ann<img src="cid:[0-9a-f]{24}@template\.postern" alt=""><\/b>$/);
    await write(folder, { '_partials/sign.hbs': 'Beatrice' });
    assert.match(await html(), /^<b>Beatrice/);
    await write(folder, { '_layouts/page.hbs': '<i>{{> @partial-block}}</i>' });
    assert.match(await html(), /^<i>Beatrice/);
    await write(folder, { '_images/logo.png': Buffer.concat([PIXEL, Buffer.from('more')]) });
    assert.notEqual((await html()).split('cid:')[1], first.split('cid:')[1]);
    await rm(join(folder, '_partials/sign.hbs'));
    assert.match(await html(), /Beatrice/, 'the last good one stays');
    assert.match((await shelf.list())[0]?.problem ?? '', /a\/html\.hbs:1:1 there is no partial `sign`/);
  });

  it('takes pictures that are such, and none from elsewhere', async () => {
    const html = '<img src="{{image "x.png"}}" alt="">';
    const outside = await folderWith({ 'secret.png': PIXEL });
    const folder = await folderWith({
      'large/html.hbs': html,
      'large/x.png': Buffer.concat([PIXEL, Buffer.alloc(600_000)]),
      'fake/html.hbs': html,
      'fake/x.png': '<svg xmlns="http://www.w3.org/2000/svg"/>',
      'linked/html.hbs': html,
      'up/html.hbs': '<img src="{{image "../large/x.png"}}" alt="">',
      'vector/html.hbs': '<img src="{{image "x.svg"}}" alt="">',
      'vector/x.svg': '<svg/>',
    });
    await symlink(join(outside, 'secret.png'), join(folder, 'linked/x.png'));
    const shelf = shelfOf(folder);
    await assert.rejects(shelf.find('large'), /large\/x\.png cannot be read: it is larger than 512 kB/);
    await assert.rejects(shelf.find('fake'), /it is no PNG, JPEG, GIF or WebP/);
    await assert.rejects(shelf.find('linked'), /a link out of the templates folder/);
    await assert.rejects(shelf.find('up'), /there is no picture `\.\.\/large\/x\.png`/);
    await assert.rejects(shelf.find('vector'), /there is no picture `x\.svg`/);
  });

  it('is checked in every language with its samples, and told what is only unwise', async () => {
    const folder = await folderWith({
      'good/html.hbs': '<html lang="{{@lang}}"><body><p>{{name}}</p></body></html>',
      'good/sample.yaml': 'name: Ann',
      'half/text.hbs': 'Hello {{name}}',
      'half/text.de.hbs': 'Hallo {{nahme}}',
      'half/sample.yaml': 'name: Ann',
      'risky/html.hbs':
        '<html lang="en"><body>\n<a href="{{url}}">x</a><a href="{{link url}}">x</a><p style="color:{{color}}">{{{x}}}</p></body></html>',
      'unwise/html.hbs':
        '<html lang="en"><body>\n<a href="{{url}}">x</a><p style="color:{{color}}">x</p></body></html>',
      'unwise/htlm.de.hbs': 'x',
      'empty/text.hbs': '{{#if x}}y{{/if}}',
      'empty/sample.yaml': 'x: false',
      'not-a-template/readme.md': 'x',
    });
    const { ok, data } = await checkTemplates(shelfOf(folder));
    assert.equal(ok, false);
    assert.deepEqual(
      data.map(({ name, warnings }) => [name, warnings.map(({ code }) => code)]),
      [
        ['empty', ['no_text']],
        ['good', []],
        ['half', []],
        ['risky', []],
        ['unwise', ['strange_file', 'unchecked_link', 'value_in_style', 'no_sample']],
      ],
    );
    const problemOf = (name: string) => data.find((one) => one.name === name)?.problem ?? '';
    assert.match(
      problemOf('half'),
      /In de, with its sample: .*half\/text\.de\.hbs:1:9 there is no field `nahme`/,
    );
    assert.match(problemOf('risky'), /risky\/html\.hbs:2:\d+ writes a value that is not escaped/);
    const stdout = new PassThrough();
    const io = {
      stdin: new PassThrough(),
      stdout,
      stderr: stdout,
      settings: { url: '', adminToken: null, tokenFile: '', rulesDir: '' },
    };
    assert.equal(await templateCheckCommand.run(io, {}, [folder]), 1);
    await rm(join(folder, 'half'), { recursive: true });
    await rm(join(folder, 'risky'), { recursive: true });
    assert.equal(await templateCheckCommand.run(io, {}, [folder]), 0);
    assert.equal(await templateCheckCommand.run(io, { strict: true }, [folder]), 1);
    stdout.end();
    assert.match(await text(stdout), /^FAILED {2}half$/m);
  });

  it('shows a template as a mail that programs open', async () => {
    const folder = await folderWith({
      'a/subject.hbs': 'Größe {{size}}',
      'a/html.hbs': '<p>{{size}}</p><img src="{{image "x.png"}}" alt="">',
      'a/x.png': PIXEL,
      'a/sample.yaml': 'size: 7',
    });
    const preview = await previewTemplate(shelfOf(folder), { name: 'a' });
    const bytes = (await previewBytes(preview)).toString();
    assert.match(bytes, /^Subject: =\?utf-8\?/im);
    assert.match(bytes, /^Content-Type: multipart\/related/m);
    assert.ok(bytes.includes(`<${preview.inline[0]?.cid}>`));
    await rm(join(folder, 'a/sample.yaml'));
    await assert.rejects(previewTemplate(shelfOf(folder), { name: 'a' }), { code: 'template_failed' });
    await assert.rejects(previewTemplate(shelfOf(folder), { name: 'b' }), { code: 'template_missing' });
  });
});
