// HTML to text: the one door of html-to-text, and of the HTML tokenizer that first takes out what a reader would not
// see. What was taken out is told, and kept apart from the text.
import { compile } from 'html-to-text';
import { Parser } from 'htmlparser2';
import { type ElementStyle, PAGE, styleOf, whyUnseen } from './element-style.ts';
import { HiddenText } from './hidden-text.ts';
import { type LineMark, markOf, readMarks, signOf, withoutSigns } from './reply-text-html.ts';
import type { StyledElement } from './style-selector.ts';
import { StyleSheet } from './style-sheet.ts';
import { visibleText } from './visible-text.ts';

const MAX_HTML_CHARS = 1024 * 1024; // newsletters reach 300 kB; Gmail shows 102 kB of a mail
const MAX_DEPTH = 200; // nested tables of real mail reach 60; the converter recurses
const MAX_OPEN = 2000; // elements left open: the tokenizer's time grows with their square, so reading ends here
const MAX_LINK_CHARS = 2000; // tracking links reach 1,500; data: URLs are pictures
const CHUNK_CHARS = 16 * 1024;
/** Their content is no text of the page. */
const SILENT = new Set(['script', 'style', 'title', 'xml']);
/** Mail programs leave these out with all that they hold. */
const LEFT_OUT = new Set([
  ...['template', 'noscript', 'object', 'svg', 'iframe', 'math', 'noembed', 'noframes'],
  ...['datalist', 'audio', 'video', 'canvas'],
]);
const VOID = new Set([
  ...['area', 'base', 'br', 'col', 'embed', 'hr', 'img', 'input', 'link', 'meta', 'source', 'wbr'],
]);
/** Attributes that the converter reads. Others are dropped, so that it has less to look at. */
const KEPT = ['href', 'src', 'alt', 'start', 'type'];

/** Holds the sign of a line's mark (reply-text-html.ts), so that no formatter takes it for a word of the text. */
const SIGN_ELEMENT = 'x-line-mark';

const toText = compile({
  formatters: {
    sign: (element, _walk, builder) => {
      builder.addInline(String(element.attribs.sign ?? ''), { noWordTransform: true });
    },
  },
  wordwrap: false,
  limits: { maxDepth: MAX_DEPTH * 2, maxInputLength: MAX_HTML_CHARS * 8 },
  selectors: [
    { selector: 'a', options: { hideLinkHrefIfSameAsText: true, noAnchorUrl: true } },
    { selector: 'img', format: 'skip' },
    { selector: SIGN_ELEMENT, format: 'sign' },
    { selector: 'blockquote', options: { leadingLineBreaks: 1, trailingLineBreaks: 1 } },
    ...['h1', 'h2', 'h3', 'h4', 'h5', 'h6'].map((selector) => ({ selector, options: { uppercase: false } })),
  ],
});

/** What a reader sees of an HTML mail, as text with LF line ends. Never throws; past 1 MB it is cut. */
export function htmlToText(html: string): string {
  return readHtml(html, new HiddenText()).text;
}

export interface HtmlText {
  text: string;
  /** What the elements say of each line of the text; empty where they say nothing. */
  marks: LineMark[];
  /** Not all of it was looked at. */
  truncated: boolean;
}

/** The same, with what a reader does not see told to `hidden`. */
export function readHtml(html: string, hidden: HiddenText): HtmlText {
  const reader = new VisibleHtml(hidden);
  const visible = reader.read(sourceOf(html));
  const text = visibleText(toText(visible)).replaceAll('\u00a0', ' ');
  const lines = text.split('\n').map((line) => line.trimEnd());
  const signed = lines
    .join('\n')
    .replace(/\n{3,}/g, '\n\n')
    .trim();
  const { text: shown, marks } = readMarks(signed);
  reader.tellComments(shown);
  return { text: shown, marks, truncated: reader.isCut || html.length > MAX_HTML_CHARS };
}

/** Only tells what a reader does not see, where the mail says the same in text. @param text what is shown instead */
export function tellHidden(html: string, text: string, hidden: HiddenText): void {
  const reader = new VisibleHtml(hidden);
  reader.read(sourceOf(html));
  reader.tellComments(text);
}

/** Browsers end a comment here too (HTML §13.2.5.53); the tokenizer would take what follows for a part of it. */
const sourceOf = (html: string): string => html.slice(0, MAX_HTML_CHARS).replaceAll('--!>', '-->');

interface Open {
  element: StyledElement;
  style: ElementStyle;
  mark: LineMark;
  /** It or one around it holds no text of the page. */
  isSilent: boolean;
}

/** Reduces HTML to what is seen of it, with tags as far as the converter looks at them. */
class VisibleHtml {
  isCut = false;
  readonly #hidden: HiddenText;
  readonly #out: string[] = [];
  readonly #sheet = new StyleSheet();
  readonly #open: Open[] = [];
  readonly #elements: StyledElement[] = [];
  /** Text up to the next tag: the tokenizer gives it in pieces, every entity as one. */
  #pending: string[] = [];
  /** Of comments. Those that only an Outlook on Windows shows often say once more what the others show. */
  readonly #comments: string[] = [];
  #outlookWords = '';
  #page = PAGE;

  constructor(hidden: HiddenText) {
    this.#hidden = hidden;
  }

  read(html: string): string {
    if (/<style|<!--/i.test(html)) this.#readAhead(html);
    if (!/<(?:html|body)[\s>]/i.test(html)) this.#page = this.#unwrittenPage();
    const parser = new Parser(
      {
        onopentag: (name, attributes) => this.#opened(name, attributes),
        ontext: (text) => {
          this.#pending.push(text);
        },
        onclosetag: (name) => this.#closed(name),
      },
      { decodeEntities: true, lowerCaseTags: true },
    );
    this.#feed(parser, html, () => this.#open.length > MAX_OPEN || this.#sheet.exhausted);
    this.#flush();
    return this.#out.join('');
  }

  /** A mail without them has these elements all the same, and its sheet may speak of them. */
  #unwrittenPage(): ElementStyle {
    const [html, body] = ['html', 'body'].map((name) => ({ name, attributes: {}, classes: NO_CLASSES })) as [
      StyledElement,
      StyledElement,
    ];
    return styleOf(body, [html], styleOf(html, [], PAGE, this.#sheet), this.#sheet);
  }

  /** What only a comment says is hidden; what the text says as well was there for another program. */
  tellComments(text: string): void {
    const shown = squeezed(text);
    for (const comment of this.#comments) {
      if (!shown.includes(squeezed(comment))) this.#hidden.add('comment', comment);
    }
  }

  #feed(parser: Parser, html: string, isEnough: () => boolean): void {
    let at = 0;
    for (; at < html.length && !isEnough(); at += CHUNK_CHARS) parser.write(html.slice(at, at + CHUNK_CHARS));
    if (at < html.length || isEnough()) this.isCut = true;
    parser.end();
  }

  /** Sheets and comments count wherever they stand, also behind the text that they are about. */
  #readAhead(html: string): void {
    let depth = 0;
    let css: string[] | null = null;
    let media: string | null = null;
    const parser = new Parser(
      {
        onopentag: (name, attributes) => {
          depth++;
          if (name !== 'style') return;
          css = [];
          media = attributes.media ?? null;
        },
        ontext: (text) => css?.push(text),
        onclosetag: (name) => {
          depth--;
          if (name !== 'style' || css === null) return;
          this.#sheet.add(css.join(''), media);
          css = null;
        },
        oncomment: (comment) => {
          const { text, isForOutlook } = commentText(comment);
          if (text === '') return;
          if (this.#comments.length < MAX_COMMENTS) this.#comments.push(text);
          if (isForOutlook && this.#outlookWords.length < MAX_OUTLOOK_CHARS) {
            this.#outlookWords += squeezed(text).slice(0, MAX_OUTLOOK_CHARS);
          }
        },
      },
      { decodeEntities: true, lowerCaseTags: true },
    );
    this.#feed(parser, html, () => depth > MAX_OPEN);
  }

  #opened(name: string, attributes: Record<string, string>): void {
    this.#flush();
    const parent = this.#open.at(-1);
    const classes = attributes.class === undefined ? NO_CLASSES : new Set(attributes.class.split(/\s+/));
    const element = { name, attributes, classes };
    const style = styleOf(element, this.#elements, parent?.style ?? this.#page, this.#sheet);
    const isSilent = parent?.isSilent === true || SILENT.has(name);
    const leftOut =
      LEFT_OUT.has(name) && style.hidden === null ? { ...style, hidden: 'element' as const } : style;
    this.#open.push({ element, style: leftOut, mark: markOf(element, parent?.mark), isSilent });
    this.#elements.push(element);
    this.#sheet.opened(element);
    if (isSilent || leftOut.hidden !== null || this.#open.length > MAX_DEPTH) return;
    this.#out.push(openTag(name, attributes));
  }

  #closed(name: string): void {
    this.#flush();
    const closing = this.#open.pop();
    const element = this.#elements.pop();
    if (element) this.#sheet.closed(element);
    if (!closing || closing.isSilent || closing.style.hidden !== null || VOID.has(name)) return;
    if (this.#open.length < MAX_DEPTH) this.#out.push(`</${name}>`);
  }

  #flush(): void {
    if (this.#pending.length === 0) return;
    const text = this.#pending.join('');
    this.#pending = [];
    const around = this.#open.at(-1);
    if (around?.isSilent) return;
    const style = around?.style ?? this.#page;
    const why = whyUnseen(style) ?? (this.#isOnlyElsewhere(style, text) ? 'outlook' : null);
    if (why === null) this.#out.push(signedText(visibleText(text, this.#hidden), around?.mark));
    else {
      this.#hidden.add(why, visibleText(text, this.#hidden));
      // It still takes its place, or there is no place of it: words on both sides are two words only in the first case.
      if (style.hidden === null) this.#out.push(' ');
    }
  }

  /** Left out by Outlook, and not said to it in another way. */
  #isOnlyElsewhere({ isNotForOutlook }: ElementStyle, text: string): boolean {
    return (
      isNotForOutlook && !(text.length <= MAX_LABEL_CHARS && this.#outlookWords.includes(squeezed(text)))
    );
  }
}

const NO_CLASSES: ReadonlySet<string> = new Set();
const MAX_COMMENTS = 500;
const MAX_COMMENT_CHARS = 64 * 1024;
const MAX_OUTLOOK_CHARS = 8 * 1024; // the labels of its buttons, which is what is written twice
const MAX_LABEL_CHARS = 200;

const squeezed = (text: string): string => text.replace(/[\s\u00a0]+/g, '').toLowerCase();

/** The text that stands in a comment, between tags if it has some. Marks that only open or close a condition have none. */
function commentText(comment: string): { text: string; isForOutlook: boolean } {
  const condition = /^\s*\[if\b([^\]]{0,200})\]>/i.exec(comment);
  const bare = (condition ? comment.slice(condition[0].length) : comment).slice(0, MAX_COMMENT_CHARS);
  const words: string[] = [];
  let silent = 0;
  const parser = new Parser(
    {
      onopentag: (name) => {
        if (SILENT.has(name)) silent++;
      },
      ontext: (text) => {
        if (silent === 0) words.push(text);
      },
      onclosetag: (name) => {
        if (SILENT.has(name)) silent--;
      },
    },
    { decodeEntities: true, lowerCaseTags: true },
  );
  parser.end(bare.replace(/<!\[endif\]\s*$/i, '').replace(/^<!$/, ''));
  const text = visibleText(words.join(' ')).replace(/\s+/g, ' ').trim();
  return { text: /[\p{L}\p{N}]/u.test(text) ? text : '', isForOutlook: condition !== null };
}

/** Text of the page with the sign of its mark before the first letter of each line: before a space, it would keep it. */
function signedText(text: string, mark: LineMark): string {
  const escaped = escapeText(withoutSigns(text));
  if (mark === undefined) return escaped;
  const sign = `<${SIGN_ELEMENT} sign="${signOf(mark)}"></${SIGN_ELEMENT}>`;
  return escaped.replace(/^[^\S\n]*(?=\S)/gm, (spaces) => spaces + sign);
}

function openTag(name: string, attributes: Record<string, string>): string {
  let tag = `<${name}`;
  for (const key of KEPT) {
    const value = attributes[key];
    if (value !== undefined && value.length <= MAX_LINK_CHARS) tag += ` ${key}="${escapeText(value)}"`;
  }
  return `${tag}>`;
}

const ESCAPES: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };
const escapeText = (text: string): string => text.replace(/[&<>"]/g, (char) => ESCAPES[char] ?? char);
