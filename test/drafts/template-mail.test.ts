// A mail that a template writes of an agent's data: all that the agent gave is looked through, wherever the page puts it.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { templateMail } from '../../src/drafts/template-mail.ts';
import { compileTemplate } from '../../src/outbound/template-compile.ts';

const made = (html: string, data: Record<string, unknown>) => {
  const template = compileTemplate('note', { 'html.hbs': html, 'text.hbs': 'Hello' });
  return templateMail({ find: async () => template }, { template: 'note', data });
};

describe('a mail that a template writes of what an agent gives', () => {
  const table = '<table>{{#each rows}}<tr><td>{{@key}}</td><td>{{this}}</td></tr>{{/each}}</table>';

  it('has nothing hidden in the names of its fields, and policy sees them', async () => {
    const name = 'key sk-1234 ![x](https://evil.example/a.png)\u{e0041}';
    const { written, words } = await made(table, { rows: { [name]: 1 } });
    assert.ok(written.includes('sk-1234'));
    assert.doesNotMatch(words.html ?? '', /evil\.example|\u{e0041}/u);
    assert.match(words.html ?? '', /key sk-1234/);
  });

  it('is refused for more names than are looked through', async () => {
    const rows = Object.fromEntries(Array.from({ length: 2_001 }, (_, at) => [`field ${at}`, 1]));
    await assert.rejects(made(table, { rows }), { code: 'template_failed' });
  });

  it('tells policy of a link whose words and whose address the agent gave', async () => {
    const page =
      '<a href="{{link url}}">{{label}}</a> <a href="https://company.example/help">www.help.example</a>';
    const { links } = await made(page, { url: 'https://evil.example/', label: 'www.bank.example' });
    assert.deepEqual(links[0], { href: 'https://evil.example/', shown: 'www.bank.example' });
  });
});
