// A template filled with its sample, with what is to be said against it.
import type {
  TemplateCheck,
  TemplatePreview,
  TemplatePreviewInput,
  TemplateWarning,
} from '../contracts/template.ts';
import type { RenderedTemplate } from '../drafts/template.ts';
import { explain, PosternError } from '../kernel/errors.ts';
import { htmlWarnings } from '../mail/mail-html-warnings.ts';
import type { CompiledTemplate } from './template-compile.ts';
import type { TemplateTexts } from './template-files.ts';
import type { Templates } from './templates.ts';

/** What a preview needs of the templates. */
export type TemplateShelf = Pick<Templates, 'find' | 'files' | 'list' | 'compile'>;

/** @throws PosternError `template_missing`, `template_invalid`, `template_failed` */
export async function previewTemplate(
  templates: TemplateShelf,
  { name, data, language, timezone, source }: TemplatePreviewInput,
): Promise<TemplatePreview> {
  const isSaved = source === undefined;
  const { texts, strange } = isSaved ? await templates.files(name) : { texts: source, strange: [] };
  const template = isSaved ? await templates.find(name) : await templates.compile(name, source);
  const filling = data ?? (await sampleFor(templates, template, name, language));
  if (filling === null)
    throw new PosternError('template_failed', `The template ${name} has no sample.yaml: give data.`, {
      details: { template: name },
    });
  const rendered = template.render(filling, {
    ...(language === undefined ? {} : { language }),
    ...(timezone === undefined ? {} : { timezone }),
  });
  return {
    name,
    language: rendered.language,
    subject: rendered.subject,
    text: rendered.text,
    html: rendered.html,
    inline: rendered.inline.map(({ cid, filename, contentType, content }) => ({
      ...{ cid, filename, content_type: contentType },
      content_base64: Buffer.from(content).toString('base64'),
    })),
    warnings: [...fileWarnings(strange), ...sourceWarnings(texts), ...renderedWarnings(rendered)],
  };
}

/** What is not saved is filled with the sample of what is, where it brings none. */
async function sampleFor(
  templates: TemplateShelf,
  template: CompiledTemplate,
  name: string,
  language: string | undefined,
) {
  const own = template.sample(language);
  if (own !== null) return own;
  const saved = await templates.find(name).catch(() => null);
  return saved?.sample(language) ?? null;
}

/** Every template in every language, filled with its samples. */
export async function checkTemplates(templates: TemplateShelf): Promise<TemplateCheck> {
  const data: TemplateCheck['data'] = [];
  for (const { name, problem, languages } of await templates.list()) {
    const one: TemplateCheck['data'][number] = { name, problem, warnings: [] };
    data.push(one);
    if (problem !== null) continue;
    const { texts, strange } = await templates.files(name);
    const template = await templates.find(name);
    const [own = 'en'] = languages;
    const always = [...fileWarnings(strange), ...sourceWarnings(texts)];
    if (template.sample() === null)
      always.push({ code: 'no_sample', message: 'It has no sample.yaml: it was not filled.' });
    one.warnings.push(...always.map((warning) => ({ ...warning, language: own })));
    for (const language of languages) {
      const sample = template.sample(language);
      if (sample === null) continue;
      try {
        const found = renderedWarnings(template.render(sample, { language }));
        one.warnings.push(...found.map((warning) => ({ ...warning, language })));
      } catch (error) {
        if (!(error instanceof PosternError)) throw error;
        one.problem ??= `In ${language}, with its sample: ${explain(error)}`;
      }
    }
  }
  return { ok: data.every(({ problem }) => problem === null), data };
}

const fileWarnings = (strange: readonly string[]): TemplateWarning[] =>
  strange.slice(0, 20).map((file) => ({
    code: 'strange_file',
    message: `${file} is no file of a template: subject, text and html have such names as html.hbs and html.de.hbs.`,
  }));

function renderedWarnings({ html, text }: RenderedTemplate): TemplateWarning[] {
  const found = html === null ? [] : htmlWarnings(html);
  return text.trim() === ''
    ? [...found, { code: 'no_text', message: 'Its text is empty: filters take such mail for spam.' }]
    : found;
}

/** What can be seen in the files alone. */
function sourceWarnings(texts: TemplateTexts): TemplateWarning[] {
  const found: TemplateWarning[] = [];
  for (const [file, source = ''] of Object.entries(texts)) {
    if (!/^html\b.*\.hbs$/.test(file)) continue;
    for (const { code, pattern, message } of RISKS) {
      const at = source.search(pattern);
      if (at < 0) continue;
      const line = source.slice(0, at).split('\n').length;
      found.push({ code, message: `${file}:${line} ${message}` });
    }
  }
  return found;
}

const RISKS = [
  {
    code: 'unchecked_link',
    pattern: /\shref\s*=\s*"\s*\{\{(?!\s*link\s)/i,
    message:
      'makes a link of a value as it is: write {{link value}}, which takes addresses of the web alone.',
  },
  {
    code: 'value_in_style',
    pattern: /\sstyle\s*=\s*"[^"]*\{\{(?![#/!]|\s*else)/i,
    message: 'writes a value into a style: whoever fills it in can hide text, or have a picture fetched.',
  },
];
