// A template from the texts of its files: each language with its bodies, their layout and their partials.
import type { TemplateAbout } from '../contracts/template.ts';
import type {
  InlineImage,
  RenderedTemplate,
  RenderOptions,
  Template,
  TemplateData,
} from '../drafts/template.ts';
import { PosternError } from '../kernel/errors.ts';
import { htmlToText } from '../mail/html.ts';
import { aboutOf, dataCheck, placeOfLayout, sampleOf } from './template-about.ts';
import { type CompiledBody, compileBody, type Rendering, type Source } from './template-engine.ts';
import { failed, invalid } from './template-errors.ts';
import type { SharedFiles, TemplateImages, TemplateTexts } from './template-files.ts';
import { isTimezone } from './template-helpers.ts';
import { canonical, directionOf, fallbacksOf, lookUp } from './template-languages.ts';

const MAX_SUBJECT_CHARS = 900; // a line of a mail, with room for its name
const MAX_DATA_DEPTH = 20;

export interface CompiledTemplate extends Template {
  readonly about: TemplateAbout;
  /** The one of the files that name none, and then those of the others; as BCP 47 writes them. */
  readonly languages: readonly string[];
  /** The data of sample.yaml, or of the one of the nearest language; null where there is none. */
  sample(language?: string): TemplateData | null;
}

export interface Beside {
  /** Layouts and partials. */
  shared?: SharedFiles;
  images?: TemplateImages;
  inlineCss?: ((html: string) => string) | null;
}

type Kind = 'subject' | 'text' | 'html';
type Bodies = Partial<Record<Kind, CompiledBody>>;

/** @throws PosternError `template_invalid`, with file, line and column */
export function compileTemplate(name: string, texts: TemplateTexts, beside: Beside = {}): CompiledTemplate {
  const about = aboutOf(name, texts['template.yaml']);
  const checkData = dataCheck(name, about);
  const own = known(name, 'template.yaml', about.language ?? 'en');
  const tags = languagesIn(texts);
  for (const tag of tags) known(name, `*.${tag}.hbs`, tag);
  const variants = new Map<string, Bodies>();
  for (const tag of ['', ...tags]) variants.set(tag, bodiesOf(name, texts, tag, { about, own, ...beside }));
  const plainBodies = variants.get('') ?? {};
  if (!plainBodies.text && !plainBodies.html)
    throw invalid(name, `${name}/text.hbs`, 'is missing, and so is html.hbs: one of them says the mail');
  for (const tag of tags)
    if (!variants.get(tag)?.html && !variants.get(tag)?.text && !variants.get(tag)?.subject)
      variants.delete(tag);
  const all = [...variants.values()].flatMap((bodies) => Object.values(bodies));
  const names = new Set(all.flatMap((body) => [...body.names]));
  const images = imagesOf(name, all, beside.images ?? new Map());
  const samples = samplesOf(name, texts);

  /** Which files, and the language that they are in. */
  const choose = (asked: string | undefined): { bodies: Bodies; language: string } => {
    const tag = asked === undefined ? null : lookUp(asked, [...tags, own.toLowerCase()]);
    const found = tag === null ? undefined : variants.get(tag);
    if (!found) return { bodies: plainBodies, language: own };
    // What is written in one language is not mixed with another's: only a subject alone goes with the bodies that there are.
    const hasBody = found.text !== undefined || found.html !== undefined;
    const bodies = hasBody ? found : { ...plainBodies, ...found };
    const subject = bodies.subject ?? plainBodies.subject;
    return { bodies: { ...bodies, ...(subject && { subject }) }, language: canonical(tag ?? own) };
  };

  return {
    about,
    languages: [own, ...tags.map(canonical)],
    reads: (field) => names.has(field),
    sample: (language) => {
      const tag = language === undefined ? null : lookUp(language, samples.keys());
      return (tag === null ? undefined : samples.get(tag)) ?? samples.get('') ?? null;
    },
    render(data, options = {}) {
      checkData(data);
      const { bodies, language } = choose(options.language);
      const values = plain(data, 0) as TemplateData;
      const used = new Map<string, InlineImage>();
      const rendering: Rendering = {
        ...settingsOf(name, about, language, options),
        facts: {},
        image: (image) => {
          const found = images.get(image);
          if (!found) throw new Error(`finds no picture ${image}`);
          used.set(found.cid, found);
          return `cid:${found.cid}`;
        },
      };
      const facts = {
        lang: language,
        dir: directionOf(language),
        locale: rendering.locale,
        now: rendering.now,
      };
      const subject = bodies.subject
        ? subjectOf(name, bodies.subject.fill(values, { ...rendering, facts: { ...facts, subject: '' } }))
        : null;
      rendering.facts = { ...facts, subject: subject ?? '' };
      const text = bodies.text && tidy(bodies.text.fill(values, rendering));
      used.clear(); // a text shows no picture
      const html = bodies.html?.fill(values, rendering) ?? null;
      return {
        subject,
        text: text ?? textOf(html ?? ''),
        html,
        inline: [...used.values()],
        language,
      } satisfies RenderedTemplate;
    },
  };
}

/** Cells of a table are words apart, also where nothing stands between them. */
const textOf = (html: string): string => htmlToText(html.replace(/<\/t[dh]>/gi, '$& '));

/** What blocks of a template leave behind: blank lines at the beginning, at the end, and many together. */
const tidy = (text: string): string =>
  text
    .replace(/^(?:[ \t]*\n)+/, '')
    .replace(/\n(?:[ \t]*\n){2,}/g, '\n\n')
    .replace(/\n(?:[ \t]*\n)+$/, '\n');

function languagesIn(texts: TemplateTexts): string[] {
  const tags = Object.keys(texts).map((file) => /^(?:subject|text|html)\.(.+)\.hbs$/.exec(file)?.[1]);
  return [...new Set(tags.filter((tag) => tag !== undefined))].sort();
}

/** As BCP 47 writes it. @throws PosternError `template_invalid` */
function known(name: string, file: string, tag: string): string {
  try {
    return canonical(tag);
  } catch {
    throw invalid(name, `${name}/${file}`, `is in no language that there is: ${tag}`);
  }
}

function bodiesOf(
  name: string,
  texts: TemplateTexts,
  tag: string,
  { about, own, shared, inlineCss }: Beside & { about: TemplateAbout; own: string },
): Bodies {
  const preferred = tag === '' ? fallbacksOf(own) : fallbacksOf(tag);
  /** `_partials/footer.text.de-ch.hbs`, `….text.de.hbs`, `….text.hbs` */
  const sharedFile = (path: string, isHtml: boolean): Source | null => {
    const stem = isHtml ? path : `${path}.text`;
    for (const file of [...preferred.map((one) => `${stem}.${one}.hbs`), `${stem}.hbs`]) {
      const source = shared?.get(file);
      if (source !== undefined) return { file, source };
    }
    return null;
  };
  const bodies: Bodies = {};
  for (const kind of ['subject', 'text', 'html'] as const) {
    const file = tag === '' ? `${kind}.hbs` : `${kind}.${tag}.hbs`;
    const source = texts[file];
    if (source === undefined) continue;
    const isHtml = kind === 'html';
    const layout =
      kind === 'subject' || about.layout === undefined
        ? null
        : sharedFile(`_layouts/${about.layout}`, isHtml);
    if (isHtml && about.layout !== undefined && !layout) {
      const said = `there is no layout \`${about.layout}\``;
      throw invalid(name, `${name}/template.yaml`, said, placeOfLayout(texts['template.yaml']));
    }
    const partial = (partialName: string): Source | null => sharedFile(`_partials/${partialName}`, isHtml);
    const around = { template: name, isHtml, layout, partial, inlineCss: inlineCss ?? null };
    bodies[kind] = compileBody({ file: `${name}/${file}`, source }, around);
  }
  return bodies;
}

/** The pictures that are shown, by the names that they are asked for by. */
function imagesOf(name: string, bodies: readonly CompiledBody[], there: TemplateImages): TemplateImages {
  const asked = new Map<string, InlineImage>();
  for (const { name: image, file, ...place } of bodies.flatMap(({ images }) => images)) {
    if (image === '') throw invalid(name, file, 'asks for a picture by a value: write its name', place);
    const found = there.get(image);
    if (!found) throw invalid(name, file, `there is no picture \`${image}\``, place);
    asked.set(image, found);
  }
  return asked;
}

function samplesOf(name: string, texts: TemplateTexts): Map<string, TemplateData> {
  const samples = new Map<string, TemplateData>();
  for (const [file, text = ''] of Object.entries(texts)) {
    const [isSample, tag = ''] = /^sample(?:\.(.+))?\.yaml$/.exec(file) ?? [];
    if (isSample) samples.set(tag, sampleOf(name, file, text));
  }
  return samples;
}

function settingsOf(
  name: string,
  about: TemplateAbout,
  language: string,
  options: RenderOptions,
): Pick<Rendering, 'locale' | 'timezone' | 'now'> {
  const timezone = options.timezone ?? about.timezone ?? 'UTC';
  if (!isTimezone(timezone))
    throw new PosternError(
      'template_failed',
      `There is no time zone ${JSON.stringify(timezone.slice(0, 80))}.`,
      {
        details: { template: name },
      },
    );
  return { locale: localeOf(language, options), timezone, now: options.now ?? Date.now() };
}

/** As the recipient's country writes, where that is known and of the mail's language. */
function localeOf(language: string, { locale, language: asked }: RenderOptions): string {
  const base = language.split('-')[0];
  for (const one of [locale, asked]) {
    try {
      if (one !== undefined && (one === locale || one.split('-')[0] === base)) return canonical(one);
    } catch {
      // What is no locale says nothing.
    }
  }
  return language;
}

/** Names of mails and templates may be those of what every object has: these objects have nothing but their data. */
const NOTHING: object = Object.freeze(
  Object.create(null, { [Symbol.toPrimitive]: { value: () => 'the data' } }) as object,
);

function plain(value: unknown, depth: number): unknown {
  if (value === null || typeof value !== 'object') return typeof value === 'function' ? undefined : value;
  if (value instanceof Date) return value.toISOString();
  if (depth > MAX_DATA_DEPTH)
    throw new PosternError('template_failed', 'The data of the template is nested too deep.');
  if (Array.isArray(value)) return value.map((item) => plain(item, depth + 1));
  const copy = Object.create(NOTHING) as Record<string, unknown>;
  for (const [key, item] of Object.entries(value)) copy[key] = plain(item, depth + 1);
  return copy;
}

function subjectOf(name: string, rendered: string): string {
  const line = rendered
    .replace(/[\p{Cc}\p{Zl}\p{Zp}\s]+/gu, ' ')
    .trim()
    .slice(0, MAX_SUBJECT_CHARS)
    .toWellFormed();
  if (line === '') throw failed(name, `${name}/subject.hbs`, 'gives an empty subject');
  return line;
}
