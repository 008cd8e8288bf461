// The one door of Handlebars: templates of the operator, compiled when first used and again when their files change. What
// a mail says is data that is put in, and never compiled.
import Handlebars from 'handlebars';
import { z } from 'zod';
import { type TemplateAbout, templateAbout, templateName } from '../contracts/template.ts';
import type { RenderedTemplate, Template, TemplateData, TemplateSource } from '../drafts/template.ts';
import { explain, PosternError } from '../kernel/errors.ts';
import type { Logger } from '../kernel/logger.ts';
import { htmlToText } from '../mail/html.ts';
import { readYaml } from '../rules/rules-yaml.ts';
import {
  fingerprintOf,
  readTemplate,
  type TemplateFile,
  type TemplateTexts,
  templateNames,
} from './template-files.ts';
import { missingPartialIn, namesIn, unescapedIn } from './template-tree.ts';

const MAX_OUTPUT_CHARS = 1_000_000; // as much as a draft may say
const MAX_SUBJECT_CHARS = 900; // a line of a mail, with room for its name
const MAX_STEPS = 1_000; // of all loops of one rendering together
const MAX_DATA_DEPTH = 20;

interface Known {
  fingerprint: string;
  template: CompiledTemplate | null;
  problem: PosternError | null;
}

export class Templates implements TemplateSource {
  readonly #folder: string;
  readonly #log: Logger;
  readonly #known = new Map<string, Known>();

  constructor({ folder, log }: { folder: string; log: Logger }) {
    this.#folder = folder;
    this.#log = log;
  }

  /**
   * A change that is invalid changes nothing where there is a last good one: the log says what is wrong.
   * @throws PosternError `template_missing`, `template_invalid`
   */
  async find(name: string): Promise<CompiledTemplate> {
    const { template, problem } = await this.#look(name);
    if (template) return template;
    throw problem ?? missing(name);
  }

  /** Every template there is, and what is wrong with its files as they are now. */
  async list(): Promise<{ name: string; description: string | null; problem: string | null }[]> {
    const found = [];
    for (const name of await templateNames(this.#folder)) {
      const { template, problem } = await this.#look(name);
      const description = template?.about.description ?? null;
      found.push({ name, description, problem: problem && explain(problem) });
    }
    return found;
  }

  async #look(name: string): Promise<Known> {
    if (!templateName.safeParse(name).success) throw missing(name);
    const fingerprint = await fingerprintOf(this.#folder, name);
    const known = this.#known.get(name);
    if (fingerprint === '') {
      this.#known.delete(name);
      throw missing(name);
    }
    if (known?.fingerprint === fingerprint) return known;
    const now = await this.#read(name, fingerprint, known?.template ?? null);
    this.#known.set(name, now);
    return now;
  }

  async #read(name: string, fingerprint: string, lastGood: CompiledTemplate | null): Promise<Known> {
    try {
      const template = compileTemplate(name, await readTemplate(this.#folder, name));
      return { fingerprint, template, problem: null };
    } catch (error) {
      if (!(error instanceof PosternError)) throw error;
      const fields = { template: name, code: error.code };
      this.#log.warn(fields, `${error.message}${lastGood ? ' The last good one stays in force.' : ''}`);
      return { fingerprint, template: lastGood, problem: error };
    }
  }
}

export interface CompiledTemplate extends Template {
  readonly about: TemplateAbout;
}

/** @throws PosternError `template_invalid`, with file, line and column */
export function compileTemplate(name: string, texts: TemplateTexts): CompiledTemplate {
  const about = aboutOf(name, texts['template.yaml']);
  const schema = schemaOf(name, about);
  const subject = compileFile(name, 'subject.hbs', texts);
  const text = compileFile(name, 'text.hbs', texts);
  const html = compileFile(name, 'html.hbs', texts);
  if (!text && !html)
    throw invalid(name, 'text.hbs', 'is missing, and so is html.hbs: one of them says the mail');
  const names = new Set([subject, text, html].flatMap((file) => [...(file?.names ?? [])]));
  return {
    about,
    reads: (field) => names.has(field),
    render(data) {
      checkData(name, schema, data);
      const values = plain(data, 0) as TemplateData;
      const body = html?.fill(values) ?? null;
      return {
        subject: subject ? subjectOf(name, subject.fill(values)) : null,
        text: text ? text.fill(values) : htmlToText(body ?? ''),
        html: body,
        inline: [],
        language: 'en',
      } satisfies RenderedTemplate;
    },
  };
}

interface CompiledFile {
  names: ReadonlySet<string>;
  fill(values: TemplateData): string;
}

function compileFile(name: string, file: TemplateFile, texts: TemplateTexts): CompiledFile | null {
  const source = texts[file]?.replace(/^\ufeff/, '');
  if (source === undefined) return null;
  const isHtml = file === 'html.hbs';
  const options = {
    noEscape: !isHtml,
    strict: true, // a field that is missing is an error and not an empty place in a mail
    knownHelpersOnly: true,
    // It writes to the console.
    knownHelpers: { log: false } as KnownHelpers,
  };
  let names: ReadonlySet<string>;
  let run: Handlebars.TemplateDelegate;
  try {
    const tree = engine.parse(source);
    names = namesIn(tree);
    const unescaped = isHtml ? unescapedIn(tree) : undefined;
    if (unescaped)
      throw invalid(
        name,
        file,
        'writes a value that is not escaped: use two braces and not three',
        unescaped,
      );
    const partial = missingPartialIn(tree);
    if (partial) throw invalid(name, file, `there is no partial \`${partial.name}\``, partial);
    engine.precompile(tree, options); // `compile` itself waits for the first use
    run = engine.compile(tree, options);
  } catch (error) {
    if (error instanceof PosternError) throw error;
    throw invalid(name, file, ...mistakeOf(error));
  }
  return {
    names,
    fill(values) {
      stepsLeft = MAX_STEPS;
      let output: string;
      try {
        output = run(values, { allowProtoMethodsByDefault: false, allowProtoPropertiesByDefault: false });
      } catch (error) {
        if (error instanceof PosternError) throw error;
        throw failed(name, file, ...mistakeOf(error));
      }
      if (output.length > MAX_OUTPUT_CHARS)
        throw failed(name, file, `gives more than ${MAX_OUTPUT_CHARS} characters`);
      return output;
    },
  };
}

type KnownHelpers = NonNullable<NonNullable<Parameters<typeof Handlebars.compile>[1]>['knownHelpers']>;

/** Rendering is synchronous: one at a time counts here. */
let stepsLeft = MAX_STEPS;
const engine = Handlebars.create();
engine.unregisterHelper('log');
const each = engine.helpers.each as Handlebars.HelperDelegate;
engine.registerHelper('each', function (this: unknown, items: unknown, options: unknown) {
  // A mail with thousands of recipients must not make a mail of gigabytes.
  stepsLeft -= items !== null && typeof items === 'object' ? Object.keys(items).length : 0;
  if (stepsLeft < 0) throw new Error(`its loops take more than ${MAX_STEPS} steps`);
  return each.call(this, items, options) as unknown;
});

/** Names of mails and templates may be those of what every object has: these objects have nothing but their data. */
const NOTHING: object = Object.freeze(
  Object.create(null, { [Symbol.toPrimitive]: { value: () => 'the data' } }) as object,
);

function plain(value: unknown, depth: number): unknown {
  if (value === null || typeof value !== 'object') return typeof value === 'function' ? undefined : value;
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
  if (line === '') throw failed(name, 'subject.hbs', 'gives an empty subject');
  return line;
}

function aboutOf(name: string, text: string | undefined): TemplateAbout {
  if (text === undefined) return {};
  const { data, problems } = readYaml(text);
  const [mistake] = problems;
  if (mistake) throw invalid(name, 'template.yaml', mistake.message, mistake);
  const parsed = templateAbout.safeParse(data ?? {});
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw invalid(name, 'template.yaml', `${issue?.path.join('.') ?? ''} ${issue?.message ?? ''}`.trim());
}

function schemaOf(name: string, { data }: TemplateAbout): z.ZodType | null {
  if (data === undefined) return null;
  try {
    return z.fromJSONSchema(data as Parameters<typeof z.fromJSONSchema>[0]) as z.ZodType;
  } catch (error) {
    throw invalid(name, 'template.yaml', `\`data\` is no JSON Schema: ${(error as Error).message}`);
  }
}

function checkData(name: string, schema: z.ZodType | null, data: TemplateData): void {
  const result = schema?.safeParse(data);
  if (!result || result.success) return;
  const problems = result.error.issues.map(({ path, message }) => `\`${path.join('.')}\`: ${message}`);
  throw new PosternError(
    'template_failed',
    `The data does not fit the template ${name}: ${problems.slice(0, 10).join('; ')}.`,
    { details: { template: name, problems } },
  );
}

interface Place {
  line?: number | undefined;
  column?: number | undefined;
}

/** What Handlebars says, in the words of whoever writes the template. */
function mistakeOf(error: unknown): [message: string, place: Place] {
  const { message, lineNumber, column } = error as Error & { lineNumber?: number; column?: number };
  const missingField = /^"(.*?)" not defined in /s.exec(message)?.[1];
  const place = { line: lineNumber, column: column === undefined ? undefined : column + 1 };
  if (missingField !== undefined) return [`there is no field \`${missingField}\` in the data`, place];
  const before = /^Cannot read properties of \S+ \(reading '(.*)'\)$/s.exec(message)?.[1];
  if (before !== undefined)
    return [`there is nothing in the data that could have a field \`${before}\``, place];
  const ofText = /^Cannot use 'in' operator to search for '(.*?)' in /s.exec(message)?.[1];
  if (ofText !== undefined) return [`\`${ofText}\` is asked of a text, which has no fields`, place];
  const unknown = /used the unknown helper (\S+)/.exec(message)?.[1];
  if (unknown !== undefined) return [`there is no helper \`${unknown}\``, place];
  const [, line, near] = /^Parse error on line (\d+):\n(.*)\n/.exec(message) ?? [];
  if (line !== undefined) return [`cannot be read near \`${near}\``, { line: Number(line) }];
  return [message.replace(/ - \d+:\d+$/, '').split('\n', 1)[0] ?? 'fails', place];
}

const where = (name: string, file: string, { line, column }: Place): string =>
  [`${name}/${file}`, line, column].filter((part) => part !== undefined).join(':');

const invalid = (name: string, file: string, message: string, place: Place = {}): PosternError =>
  new PosternError('template_invalid', `The template is invalid: ${where(name, file, place)} ${message}.`, {
    details: { template: name, file, ...place },
  });

const failed = (name: string, file: string, message: string, place: Place = {}): PosternError =>
  new PosternError(
    'template_failed',
    `The template cannot be filled: ${where(name, file, place)} ${message}.`,
    {
      details: { template: name, file, ...place },
    },
  );

const missing = (name: string): PosternError =>
  new PosternError('template_missing', `There is no template ${JSON.stringify(name.slice(0, 80))}.`, {
    hint: 'A template is a folder in the templates folder (POSTERN_TEMPLATES) with a text.hbs in it.',
    details: { template: name.slice(0, 80) },
  });
