// The HTML that an agent wrote, brought down to what a reader sees and what fetches nothing: text, its structure, and links
// that are told. What is taken out is told too. Never throws; past 1 MB it is cut, and that is told.
import { Parser } from 'htmlparser2';
import type { HiddenNote } from '../contracts/mail.ts';
import { type ElementStyle, PAGE, styleOf, whyUnseen } from './element-style.ts';
import { HiddenText } from './hidden-text.ts';
import { ACTIVE, ALLOWED, BREAKING, DROPPED, EMPTY, FETCHING, VOID } from './outgoing-elements.ts';
import { escapeText, pictureTag, tagOf } from './outgoing-tags.ts';
import type { StyledElement } from './style-selector.ts';
import { StyleSheet } from './style-sheet.ts';
import { visibleText } from './visible-text.ts';

const MAX_CHARS = 1024 * 1024; // as of mail that comes in
const MAX_OPEN = 500; // nobody writes deeper; the sheet is asked about every element with all around it
const MAX_LINKS = 500;
const MAX_REMOVED = 20; // that are named; more of them say nothing new

const FETCHING_ATTRIBUTE =
  /^(?:src|srcset|background|poster|data|lowsrc|dynsrc|longdesc|cite|ping|manifest)$/;
const FETCHING_STYLE = /url\s*\(|@import|image-set|src\s*\(|\\/i; // a backslash can spell any of them
export interface OutgoingLink {
  /** As it is written, without white space and control characters. */
  href: string;
  /** The text that a reader clicks at. */
  shown: string;
}

export interface OutgoingHtml {
  html: string;
  /** What a reader sees, without structure. */
  text: string;
  links: OutgoingLink[];
  /** What would have been fetched, and what would have run: elements and attributes by their names. */
  fetching: string[];
  active: string[];
  hidden: HiddenNote | null;
  /** Not all of it was looked at; the rest is left out. */
  isCut: boolean;
}

/**
 * @param words what becomes of a piece of text: whatever else has to be taken out of it
 * @param pictures the Content-IDs of files that go along: these may be shown, and nothing else
 */
export function cleanHtml(
  html: string,
  words: (text: string) => string = (text) => text,
  pictures: ReadonlySet<string> = new Set(),
): OutgoingHtml {
  const cleaner = new Cleaner(words, pictures);
  cleaner.read(html);
  return cleaner.result();
}

interface Open {
  element: StyledElement;
  style: ElementStyle;
  isDropped: boolean;
  /** Its tag was written. */
  isWritten: boolean;
  /** It is a link, and has this in its text so far. */
  link: OutgoingLink | null;
}

class Cleaner {
  readonly #words: (text: string) => string;
  readonly #pictures: ReadonlySet<string>;
  readonly #hidden = new HiddenText();
  readonly #sheet = new StyleSheet();
  readonly #open: Open[] = [];
  readonly #elements: StyledElement[] = [];
  readonly #out: string[] = [];
  readonly #text: string[] = [];
  readonly #links: OutgoingLink[] = [];
  /** Those that are open. */
  readonly #clickable: OutgoingLink[] = [];
  readonly #fetching = new Set<string>();
  readonly #active = new Set<string>();
  #pending: string[] = [];
  #isCut = false;

  constructor(words: (text: string) => string, pictures: ReadonlySet<string>) {
    this.#words = words;
    this.#pictures = pictures;
  }

  read(html: string): void {
    // Browsers end a comment here too (HTML §13.2.5.53).
    const source = html.slice(0, MAX_CHARS).replaceAll('--!>', '-->');
    this.#isCut = html.length > MAX_CHARS;
    this.#readSheets(source);
    const parser = new Parser(
      {
        onopentag: (name, attributes) => this.#opened(name, attributes),
        ontext: (text) => {
          this.#pending.push(text);
        },
        onclosetag: (name) => this.#closed(name),
        oncomment: (comment) => this.#hidden.add('comment', visibleText(comment)),
      },
      { decodeEntities: true, lowerCaseTags: true },
    );
    for (let at = 0; at < source.length; at += CHUNK_CHARS) {
      if (this.#open.length > MAX_OPEN || this.#sheet.exhausted) {
        this.#isCut = true;
        break;
      }
      parser.write(source.slice(at, at + CHUNK_CHARS));
    }
    parser.end();
    this.#flush();
  }

  result(): OutgoingHtml {
    return {
      html: this.#out.join(''),
      text: this.#text.join('').replace(/[^\S\n]+/g, ' '),
      links: this.#links,
      fetching: [...this.#fetching],
      active: [...this.#active],
      hidden: this.#hidden.note(),
      isCut: this.#isCut,
    };
  }

  /** A sheet counts wherever it stands, also behind the text that it hides. */
  #readSheets(source: string): void {
    if (!/<style/i.test(source)) return;
    let css: string[] | null = null;
    let media: string | null = null;
    const parser = new Parser(
      {
        onopentag: (name, attributes) => {
          if (name !== 'style') return;
          css = [];
          media = attributes.media ?? null;
        },
        ontext: (text) => css?.push(text),
        onclosetag: (name) => {
          if (name !== 'style' || css === null) return;
          const sheet = css.join('');
          if (FETCHING_STYLE.test(sheet)) this.#note(this.#fetching, 'style');
          this.#sheet.add(sheet, media);
          css = null;
        },
      },
      { lowerCaseTags: true },
    );
    parser.end(source);
  }

  #note(names: Set<string>, name: string): void {
    if (names.size < MAX_REMOVED) names.add(name.slice(0, 50));
  }

  #opened(name: string, attributes: Record<string, string>): void {
    this.#flush();
    const parent = this.#open.at(-1);
    const classes = new Set(attributes.class?.split(/\s+/));
    const element = { name, attributes, classes };
    const style = styleOf(element, this.#elements, parent?.style ?? PAGE, this.#sheet);
    const picture = name === 'img' ? this.#pictureOf(attributes) : null;
    if (picture === null) this.#tell(name, attributes);
    const isDropped = parent?.isDropped === true || DROPPED.has(name) || style.hidden !== null;
    const isWritten = !isDropped && ALLOWED.has(name) && this.#open.length < MAX_OPEN;
    const link = isWritten && name === 'a' ? this.#linkOf(attributes.href) : null;
    if (isWritten) this.#out.push(tagOf(name, attributes, link?.href ?? null));
    else if (picture !== null && !isDropped) this.#show(picture, attributes);
    if (isWritten && BREAKING.has(name)) this.#text.push('\n');
    this.#open.push({ element, style, isDropped, isWritten, link });
    if (link) this.#clickable.push(link);
    this.#elements.push(element);
    this.#sheet.opened(element);
  }

  /** The Content-ID of a picture that goes along. */
  #pictureOf({ src = '' }: Record<string, string>): string | null {
    const id = /^\s*cid:(\S+)\s*$/i.exec(src)?.[1];
    return id !== undefined && this.#pictures.has(id) ? id : null;
  }

  /** What stands in the place of a picture is words of the mail too. */
  #show(picture: string, { alt = '', width, height }: Record<string, string>): void {
    const words = this.#words(visibleText(alt, this.#hidden));
    this.#text.push(words);
    this.#out.push(pictureTag(picture, words, width, height));
  }

  #linkOf(href: string | undefined): OutgoingLink | null {
    if (href === undefined) return null;
    if (this.#links.length >= MAX_LINKS) {
      this.#isCut = true;
      return null;
    }
    // biome-ignore lint/suspicious/noControlCharactersInRegex: browsers leave them out of addresses (URL §4.4)
    const link = { href: visibleText(href).replace(/[\u0000-\u0020]+/g, ''), shown: '' };
    this.#links.push(link);
    return link;
  }

  #tell(name: string, attributes: Record<string, string>): void {
    if (FETCHING.has(name)) this.#note(this.#fetching, name);
    if (ACTIVE.has(name)) this.#note(this.#active, name);
    for (const [attribute, value] of Object.entries(attributes)) {
      if (attribute.startsWith('on')) this.#note(this.#active, attribute);
      else if (FETCHING_ATTRIBUTE.test(attribute) && !FETCHING.has(name))
        this.#note(this.#fetching, attribute);
      else if (attribute === 'style' && FETCHING_STYLE.test(value)) this.#note(this.#fetching, 'style');
    }
  }

  #closed(name: string): void {
    this.#flush();
    const closing = this.#open.pop();
    if (closing?.link) this.#clickable.pop();
    const element = this.#elements.pop();
    if (element) this.#sheet.closed(element);
    if (!closing?.isWritten || VOID.has(name) || EMPTY.has(name)) return;
    this.#out.push(`</${name}>`);
    if (BREAKING.has(name)) this.#text.push('\n');
  }

  #flush(): void {
    if (this.#pending.length === 0) return;
    const text = this.#pending.join('');
    this.#pending = [];
    const around = this.#open.at(-1);
    if (around && around.style.hidden === null && around.isDropped) return; // no text of the page: a script
    const why = whyUnseen(around?.style ?? PAGE);
    if (why !== null) {
      this.#hidden.add(why, visibleText(text, this.#hidden));
      return;
    }
    const shown = this.#words(visibleText(text, this.#hidden));
    this.#out.push(escapeText(shown));
    this.#text.push(shown);
    // No link stands in another one (HTML §4.5.1): browsers end the outer where the inner begins.
    const link = this.#clickable.at(-1);
    if (link) link.shown += shown;
  }
}

const CHUNK_CHARS = 16 * 1024;
