// The one door of Handlebars. A body is compiled with its layout and its partials; what it says of its data is counted,
// escaped, and kept apart from the page until that is whole: data is never read as a template, as HTML or as CSS.
import Handlebars from 'handlebars';
import type { TemplateData } from '../drafts/template.ts';
import { PosternError } from '../kernel/errors.ts';
import { failed, invalid, mistakeOf, type Place } from './template-errors.ts';
import { type Frame, helpers } from './template-helpers.ts';
import {
  asBlock,
  type Found,
  imagesIn,
  inlinePartialsIn,
  namesIn,
  ofPage,
  partialsIn,
  shiftLines,
  type TreeNode,
  unescapedIn,
  writeThrough,
} from './template-tree.ts';

const MAX_OUTPUT_CHARS = 1_000_000; // as much as a draft may say
const MAX_STEPS = 10_000; // of all loops and partials of one rendering together
const MAX_PARTIALS = 100; // of one body
const FILE_LINES = 1_000_000; // more lines than a file of a template has bytes
const MAX_PAGES = 16; // of a body, with their CSS inlined: mails of a broadcast differ by what is filled in

/** A file of a template, or one that templates share. */
export interface Source {
  /** Within the templates folder: `quote/html.hbs`. */
  file: string;
  source: string;
}

export interface Surroundings {
  template: string;
  isHtml: boolean;
  layout?: Source | null;
  partial?: (name: string) => Source | null;
  /** Puts the CSS of a page into its elements. */
  inlineCss?: ((html: string) => string) | null;
}

/** What one rendering goes by. */
export interface Rendering extends Frame {
  /** What a template reads as `{{@lang}}` and the like. */
  facts: Readonly<Record<string, unknown>>;
  /** The address of a picture within the mail, for its name. */
  image: (name: string) => string;
}

export interface CompiledBody {
  /** Of fields, and of texts that may be such. */
  names: ReadonlySet<string>;
  images: readonly (Found & { file: string })[];
  /** @throws PosternError `template_failed` */
  fill(values: TemplateData, rendering: Rendering): string;
}

/** @throws PosternError `template_invalid`, with file, line and column */
export function compileBody(body: Source, around: Surroundings): CompiledBody {
  const { template, isHtml, layout, inlineCss } = around;
  const parser = new Parser(around);
  const own = parser.parse(body, layout ? 'slots' : 'none');
  const page = layout ? parser.parse(layout, 'layout') : null;
  const partials: Record<string, Handlebars.TemplateDelegate> = {};
  const compile = (tree: unknown, file: string): Handlebars.TemplateDelegate => {
    const options = { noEscape: !isHtml, strict: true, knownHelpersOnly: true, knownHelpers: KNOWN };
    try {
      engine.precompile(tree, options); // `compile` itself waits for the first use
      return engine.compile(tree, options);
    } catch (error) {
      const [message, place] = mistakeOf(error);
      throw invalid(template, ...parser.placed(file, message, place));
    }
  };
  for (const [name, { tree, file }] of parser.partials) partials[name] = counted(compile(tree, file));
  if (page) partials[LAYOUT] = counted(compile(page, layout?.file ?? ''));
  const run = compile(page ? asBlock(own, LAYOUT) : own, body.file);
  const pages = new Map<string, string>();

  const fill = (values: TemplateData, rendering: Rendering): string => {
    current = { ...rendering, isHtml, kept: [], chars: 0, steps: MAX_STEPS };
    const { kept } = current;
    try {
      const written = run(values, {
        allowProtoMethodsByDefault: false,
        allowProtoPropertiesByDefault: false,
        data: { ...rendering.facts },
        partials,
      });
      take(written.length);
      if (!isHtml) return written;
      return written.includes('<style') && inlineCss
        ? filledIn(inlined(written, inlineCss), kept)
        : filledIn(written, kept);
    } catch (error) {
      if (error instanceof PosternError) throw error;
      const [message, place] = mistakeOf(error);
      throw failed(template, ...parser.placed(body.file, message, place));
    } finally {
      current = null;
    }
  };
  const inlined = (written: string, inline: (html: string) => string): string => {
    const known = pages.get(written);
    if (known !== undefined) return known;
    const made = inline(written);
    const [oldest] = pages.keys();
    if (pages.size >= MAX_PAGES && oldest !== undefined) pages.delete(oldest);
    pages.set(written, made);
    return made;
  };
  return { names: parser.names, images: parser.images, fill };
}

class Parser {
  readonly names = new Set<string>();
  readonly images: (Found & { file: string })[] = [];
  readonly partials = new Map<string, { tree: unknown; file: string }>();
  readonly #files: string[] = [];
  readonly #open: string[] = [];
  readonly #around: Surroundings;

  constructor(around: Surroundings) {
    this.#around = around;
  }

  /** @param kind what partials may be asked for: those of a layout may be slots, which its templates fill */
  parse({ file, source }: Source, kind: 'none' | 'slots' | 'layout'): unknown {
    const { template, isHtml } = this.#around;
    const text = source.replace(/^\ufeff/, '');
    if (text.includes(OPEN) || text.includes(CLOSE))
      throw invalid(template, file, 'has U+E000 or U+E001, which are for private use');
    let tree: unknown;
    try {
      tree = engine.parse(text);
    } catch (error) {
      const [message, place] = mistakeOf(error);
      throw invalid(template, file, message, place);
    }
    for (const name of namesIn(tree)) this.names.add(name);
    const unescaped = isHtml ? unescapedIn(tree) : undefined;
    if (unescaped)
      throw invalid(
        template,
        file,
        'writes a value that is not escaped: use two braces and not three',
        unescaped,
      );
    for (const found of imagesIn(tree)) this.images.push({ ...found, file });
    this.#read(tree, file, kind);
    writeThrough(tree, WRITE, isHtml ? ofPage(text) : () => false);
    shiftLines(tree, this.#files.length * FILE_LINES);
    this.#files.push(file);
    return tree;
  }

  #read(tree: unknown, file: string, kind: 'none' | 'slots' | 'layout'): void {
    const { template, partial } = this.#around;
    const inline = inlinePartialsIn(tree);
    for (const { name, isSlot, ...place } of partialsIn(tree)) {
      if (inline.has(name) || this.partials.has(name)) continue;
      if (name === BLOCK && kind !== 'none') continue;
      if (name === '') throw invalid(template, file, 'asks for a partial by a value: write its name', place);
      if (this.#open.includes(name))
        throw invalid(template, file, `the partial \`${name}\` includes itself`, place);
      const source = partial?.(name);
      if (!source) {
        if (isSlot && kind === 'layout') continue;
        throw invalid(template, file, `there is no partial \`${name}\``, place);
      }
      if (this.partials.size >= MAX_PARTIALS)
        throw invalid(template, file, `asks for more than ${MAX_PARTIALS} partials`, place);
      this.#open.push(name);
      const parsed = this.parse(source, 'layout');
      this.#open.pop();
      this.partials.set(name, { tree: parsed, file: source.file });
    }
  }

  /** Which file a line is of. */
  placed(file: string, message: string, { line, column }: Place): [string, string, Place] {
    if (line === undefined) return [file, message, {}];
    const at = Math.floor(line / FILE_LINES);
    return [this.#files[at] ?? file, message, { line: line % FILE_LINES, column }];
  }
}

const WRITE = '$write';
const LAYOUT = '$layout';
const BLOCK = '@partial-block';

/** Rendering is synchronous: there is one at a time. */
let current: (Rendering & { isHtml: boolean; kept: string[]; chars: number; steps: number }) | null = null;

function take(chars: number, steps = 0): void {
  if (!current) return;
  current.chars += chars;
  current.steps -= steps;
  if (current.chars > MAX_OUTPUT_CHARS) throw new Error(`gives more than ${MAX_OUTPUT_CHARS} characters`);
  // A mail with thousands of recipients must not make a mail of gigabytes.
  if (current.steps < 0) throw new Error(`its loops take more than ${MAX_STEPS} steps`);
}

/** What stands for a value in a page: characters that no file may have, so that each is one of these. */
const OPEN = '\ue000';
const CLOSE = '\ue001';
const KEPT = /\ue000(\d+)\ue001/g;
const filledIn = (page: string, kept: readonly string[]): string =>
  page.replace(KEPT, (_, index: string) => kept[Number(index)] ?? '');

function keep(text: string): string {
  take(text.length);
  if (!current) return '';
  return `${OPEN}${current.kept.push(text) - 1}${CLOSE}`;
}

const engine = Handlebars.create();
engine.unregisterHelper('log'); // it writes to the console
const { SafeString } = Handlebars;
const { escapeExpression } = Handlebars.Utils;

engine.registerHelper(WRITE, (value: unknown) => {
  if (value instanceof SafeString) return value;
  if (current?.isHtml) return new SafeString(keep(escapeExpression(value as string)));
  const text = value === null || value === undefined ? '' : String(value);
  take(text.length);
  return text;
});

const each = engine.helpers.each as Handlebars.HelperDelegate;
engine.registerHelper('each', function (this: unknown, items: unknown, options: unknown) {
  take(0, items !== null && typeof items === 'object' ? Object.keys(items).length : 0);
  return each.call(this, items, options) as unknown;
});

/** Also partials that ask for partials come to an end. */
const counted = (partial: Handlebars.TemplateDelegate): Handlebars.TemplateDelegate => {
  const delegate: Handlebars.TemplateDelegate = (context, options) => {
    take(0, 1);
    return partial(context, options);
  };
  return delegate;
};

const ownHelpers: typeof helpers = {
  ...helpers,
  image: ([name]) => current?.image(String(name)),
  /** A text of several lines: in HTML a `<p>` for each paragraph, its lines with `<br>` between them. */
  paragraphs: ([value]) => {
    if (typeof value !== 'string') throw new Error('wants a text');
    const text = value.replace(/\r\n?/g, '\n').trim();
    if (!current?.isHtml) return text;
    const lined = (part: string): string =>
      part
        .split('\n')
        .map((line) => keep(escapeExpression(line)))
        .join('<br>\n');
    const parts = text.split(/\n[ \t]*\n\s*/);
    take(0, parts.length);
    return new SafeString(parts.map((part) => `<p>${lined(part)}</p>`).join('\n'));
  },
};

for (const [name, helper] of Object.entries(ownHelpers)) {
  engine.registerHelper(name, (...given: unknown[]) => {
    const { hash, loc } = given.pop() as Handlebars.HelperOptions & { loc?: TreeNode['loc'] };
    try {
      return helper(given, hash as Record<string, unknown>, current as Rendering);
    } catch (error) {
      const mistake = new Error(`the helper \`${name}\` ${(error as Error).message}`);
      throw Object.assign(mistake, { lineNumber: loc?.start.line, column: loc?.start.column });
    }
  });
}

type KnownHelpers = NonNullable<NonNullable<Parameters<typeof Handlebars.compile>[1]>['knownHelpers']>;
const KNOWN = {
  log: false,
  [WRITE]: true,
  ...Object.fromEntries(Object.keys(ownHelpers).map((name) => [name, true])),
} as KnownHelpers;
