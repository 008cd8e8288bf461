// The templates that ship: each in each of its languages, filled with its sample; as mail programs, small screens, dark mode
// and people who have it read to them find it.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Parser } from 'htmlparser2';
import type { Browser, Page } from 'playwright-core';
import type { RenderedTemplate, TemplateData } from '../../src/drafts/template.ts';
import { silentLogger } from '../../src/kernel/logger.ts';
import { htmlToText } from '../../src/mail/html.ts';
import { type CompiledTemplate, compileTemplate } from '../../src/outbound/template-compile.ts';
import { readShared } from '../../src/outbound/template-files.ts';
import { checkTemplates } from '../../src/outbound/template-preview.ts';
import { Templates } from '../../src/outbound/templates.ts';
import { blocksOf } from '../docs/blocks.ts';
import { startBrowser } from '../support/browser.ts';
import { requireService } from '../support/services.ts';

const FOLDER = fileURLToPath(new URL('../../templates/', import.meta.url));
const SPOKEN = ['alert', 'approval-request', 'executive-digest', 'reply'];
const OTHERS = ['attachment-receipt', 'quote', 'received', 'review-summary'];

const templates = new Templates({ folder: FOLDER, log: silentLogger });
const views = await templates.list();
const now = Date.parse('2026-11-20T15:00:00Z');
const all: { name: string; language: string; sample: TemplateData; template: CompiledTemplate }[] = [];
for (const { name, languages } of views)
  for (const language of languages) {
    const template = await templates.find(name);
    all.push({ name, language, sample: template.sample(language) ?? {}, template });
  }
const rendered = (one: (typeof all)[number]): RenderedTemplate & { html: string } => {
  const mail = one.template.render(one.sample, { language: one.language, now });
  return { ...mail, html: mail.html ?? '' };
};

describe('the templates that ship', () => {
  it('are these, in these languages, and nothing is to be said against them', async () => {
    assert.deepEqual(
      views.map(({ name }) => name),
      [...SPOKEN, ...OTHERS].sort(),
    );
    for (const { name, languages, description } of views) {
      assert.deepEqual(languages, SPOKEN.includes(name) ? ['en', 'de', 'zh'] : ['en'], name);
      assert.ok(description);
    }
    const { data } = await checkTemplates(templates);
    for (const { name, problem, warnings } of data) assert.deepEqual([problem, warnings], [null, []], name);
  });

  for (const one of all) {
    const title = `${one.name} in ${one.language}`;

    it(`${title} is whole: nothing is left of the template, and its elements end where they should`, () => {
      const { subject, text, html, language } = rendered(one);
      assert.equal(language, one.language);
      assert.ok(subject && !/[\r\n]/.test(subject));
      for (const part of [subject, text, html]) {
        assert.doesNotMatch(part, /\{\{|\}\}|\[object|undefined|NaN|\ue000/);
        assert.ok(part.trim() === part.trim().normalize('NFC'));
      }
      assert.match(html, new RegExp(`<html lang="${one.language}"`));
      assert.deepEqual(misnested(html), []);
    });

    it(`${title} says the same in both bodies, and all that it was given`, () => {
      const { text, html } = rendered(one);
      const page = new Set(
        wordsOf(`${htmlToText(html)} ${[...html.matchAll(/href="([^"]*)"/g)].map(([, href]) => href)}`),
      );
      assert.deepEqual(
        wordsOf(text).filter((word) => !page.has(word)),
        [],
      );
      for (const given of textsOf(one.sample))
        for (const line of given.trim().split('\n'))
          assert.ok(
            squeezed(text).includes(squeezed(line)) ||
              html.includes(line) ||
              /^\d{4}-\d\d-\d\d|^[a-z_]+$|^CHF$|^VAT$/.test(given) ||
              NOT_SHOWN.test(given),
            `${title}: ${line}`,
          );
    });

    it(`${title} stays what it is, whatever its data is`, () => {
      const hostile = '"><script>alert(1)</script>{{x}} \' </td></table>';
      const data = mapped(one.sample, (text) =>
        /^(https?:|\d{4}-\d\d-\d\d|info$|ok$|warning$|error$|attention$|problem$|[A-Z]{3}$)/.test(text)
          ? text
          : hostile,
      );
      const { html } = rendered({ ...one, sample: data });
      assert.doesNotMatch(html, /<script|<\/td><\/table>\s*"/i);
      assert.deepEqual(misnested(html), []);
      assert.equal(
        elementsIn(html),
        elementsIn(
          rendered({ ...one, sample: mapped(data, (text) => (text === hostile ? 'x' : text)) }).html,
        ),
      );
    });
  }
});

describe('the templates that ship, in a browser', { skip: requireService('chromium') }, () => {
  let browser: Browser;
  let page: Page | undefined;
  const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
  before(async () => {
    browser = await startBrowser();
  });
  after(() => browser?.close());

  const shown = async (html: string, width: number, colorScheme: 'light' | 'dark'): Promise<Page> => {
    page ??= await browser.newPage();
    await page.setViewportSize({ width, height: 600 });
    await page.emulateMedia({ colorScheme });
    await page.setContent(html);
    return page;
  };

  for (const one of all)
    it(`${one.name} in ${one.language} can be read by everybody, in light and dark, and fits a small screen`, async () => {
      const { html } = rendered(one);
      for (const width of [320, 360, 680]) {
        const beyond = await (await shown(html, width, 'light')).evaluate<number>(
          'document.documentElement.scrollWidth - window.innerWidth',
        );
        assert.ok(beyond <= 0, `${width} px wide, it is ${beyond} px wider`);
      }
      for (const colorScheme of ['light', 'dark'] as const) {
        const opened = await shown(html, 680, colorScheme);
        await opened.evaluate(axe);
        const found = await opened.evaluate<{ violations: { id: string; nodes: { html: string }[] }[] }>(
          'axe.run(document, { runOnly: { type: "tag", values: ["wcag2a", "wcag2aa", "wcag21aa"] } })',
        );
        const violations = found.violations.map(({ id, nodes }) => `${id}: ${nodes[0]?.html}`);
        assert.deepEqual(violations, [], colorScheme);
      }
    });
});

describe('docs/templates.md', () => {
  it('has an example that is a template', async () => {
    const [about, html] = ['yml', 'hbs'].map(
      (language) => blocksOf('docs/templates.md').find((block) => block.language === language)?.text ?? '',
    ) as [string, string];
    const shared = (await readShared(FOLDER, 'x')).files;
    const mail = compileTemplate('x', { 'template.yaml': about, 'html.hbs': html }, { shared }).render({
      order: '7',
      items: [
        { name: 'Pump', price: 10 },
        { name: 'Seal', price: 0.5 },
      ],
      url: 'https://shop.example/7',
    });
    assert.match(mail.html ?? '', /2 pieces have left today/);
    assert.match(mail.text, /CHF\s10\.50/);
  });
});

/** Names of fields that are there for other templates, and what becomes another word. */
const NOT_SHOWN =
  /^(sales|support|invoices|Sales|Invoices|application\/pdf|[A-Za-z]+schreiber|quote-writer|[a-z]+@(prospect|company)\.example|https:\/\/.*)$/;

const wordsOf = (text: string): string[] => text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [];
const squeezed = (text: string): string => text.replace(/[\s\u00a0\u202f]+/g, ' ').trim();

function* textsOf(value: unknown): Generator<string> {
  if (typeof value === 'string') yield value;
  else if (typeof value === 'object' && value !== null)
    for (const inner of Object.values(value)) yield* textsOf(inner);
}

function mapped(value: TemplateData, change: (text: string) => string): TemplateData {
  const walk = (inner: unknown): unknown => {
    if (typeof inner === 'string') return change(inner);
    if (Array.isArray(inner)) return inner.map(walk);
    if (typeof inner !== 'object' || inner === null) return inner;
    return Object.fromEntries(Object.entries(inner).map(([key, item]) => [key, walk(item)]));
  };
  return walk(value) as TemplateData;
}

/** Elements that are ended by others, or that nothing begins: what parsers make different things of. */
function misnested(html: string): string[] {
  const wrong: string[] = [];
  const open: string[] = [];
  const parser = new Parser({
    onopentag: (name) => void open.push(name),
    onclosetag(name, isImplied) {
      const last = open.pop();
      if (last !== name) wrong.push(`</${name}> ends <${last}>`);
      else if (isImplied && !['meta', 'br', 'img', 'hr'].includes(name)) wrong.push(`<${name}> has no end`);
    },
  });
  parser.end(html);
  return wrong;
}

const elementsIn = (html: string): number => {
  let count = 0;
  new Parser({ onopentag: () => void count++ }).end(html);
  return count;
};
