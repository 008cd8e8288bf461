// HTML to text: the one door of html-to-text, and of the HTML tokenizer that first takes out what a reader would not
// see. Hidden text is the usual way to tell an agent something that the person in front of the mail cannot read.
import { compile } from 'html-to-text';
import { Parser } from 'htmlparser2';
import { visibleText } from './visible-text.ts';

const MAX_HTML_CHARS = 1024 * 1024; // newsletters reach 300 kB; Gmail shows 102 kB of a mail
const MAX_DEPTH = 200; // nested tables of real mail reach 60; the converter recurses
const MAX_OPEN = 2000; // elements left open: the tokenizer's time grows with their square, so reading ends here
const CHUNK_CHARS = 16 * 1024;
const SILENT = new Set([
  'script',
  'style',
  'head',
  'title',
  'template',
  'noscript',
  'object',
  'svg',
  'iframe',
  'math',
]);
const VOID = new Set([
  'area',
  'base',
  'br',
  'col',
  'embed',
  'hr',
  'img',
  'input',
  'link',
  'meta',
  'source',
  'wbr',
]);
/** Attributes that the converter reads. Others are dropped, so that it has less to look at. */
const KEPT = ['href', 'src', 'alt', 'start', 'type'];

const toText = compile({
  wordwrap: false,
  limits: { maxDepth: MAX_DEPTH * 2, maxInputLength: MAX_HTML_CHARS * 8 },
  selectors: [
    { selector: 'a', options: { hideLinkHrefIfSameAsText: true, noAnchorUrl: true } },
    { selector: 'img', format: 'skip' },
    { selector: 'blockquote', options: { leadingLineBreaks: 1, trailingLineBreaks: 1 } },
    ...['h1', 'h2', 'h3', 'h4', 'h5', 'h6'].map((selector) => ({ selector, options: { uppercase: false } })),
  ],
});

/** What a reader sees of an HTML mail, as text with LF line ends. Never throws; past 1 MB it is cut. */
export function htmlToText(html: string): string {
  const source = html.length > MAX_HTML_CHARS ? html.slice(0, MAX_HTML_CHARS) : html;
  const text = visibleText(toText(visibleHtml(source))).replaceAll('\u00a0', ' ');
  const lines = text.split('\n').map((line) => line.trimEnd());
  return lines
    .join('\n')
    .replace(/\n{3,}/g, '\n\n')
    .trim();
}

/** The HTML without what is hidden, silent or nested too deep; tags reduced to what the converter looks at. */
function visibleHtml(html: string): string {
  const out: string[] = [];
  let depth = 0;
  let hiddenAt = -1; // the depth at which a hidden element began
  const parser = new Parser(
    {
      onopentag(name, attributes) {
        depth++;
        if (hiddenAt >= 0) return;
        if (SILENT.has(name) || isHidden(attributes)) hiddenAt = depth;
        else if (depth <= MAX_DEPTH) out.push(openTag(name, attributes));
      },
      ontext(text) {
        if (hiddenAt < 0) out.push(escapeText(visibleText(text)));
      },
      onclosetag(name) {
        if (hiddenAt < 0 && depth <= MAX_DEPTH && !VOID.has(name)) out.push(`</${name}>`);
        if (hiddenAt === depth) hiddenAt = -1;
        depth--;
      },
    },
    { decodeEntities: true, lowerCaseTags: true },
  );
  for (let at = 0; at < html.length && depth <= MAX_OPEN; at += CHUNK_CHARS) {
    parser.write(html.slice(at, at + CHUNK_CHARS));
  }
  parser.end();
  return out.join('');
}

function openTag(name: string, attributes: Record<string, string>): string {
  let tag = `<${name}`;
  for (const key of KEPT) {
    const value = attributes[key];
    if (value !== undefined && value.length <= MAX_LINK_CHARS) tag += ` ${key}="${escapeText(value)}"`;
  }
  return `${tag}>`;
}

const MAX_LINK_CHARS = 2000; // tracking links reach 1,500; data: URLs are pictures
const ESCAPES: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };
const escapeText = (text: string): string => text.replace(/[&<>"]/g, (char) => ESCAPES[char] ?? char);

function isHidden(attributes: Record<string, string>): boolean {
  if (attributes.hidden !== undefined || attributes['aria-hidden'] === 'true') return true;
  const style = attributes.style;
  return style !== undefined && hidesBy(style);
}

const MAX_STYLE_CHARS = 4000;
const NOTHING = /^-?0*\.?0*(?:px|pt|em|rem|%|cm|mm|in|ex|vw|vh)?$/;

/** Whether an inline style makes the element invisible. Style sheets are not followed. */
function hidesBy(style: string): boolean {
  const rules = new Map<string, string>();
  for (const rule of style.slice(0, MAX_STYLE_CHARS).toLowerCase().split(';')) {
    const colon = rule.indexOf(':');
    if (colon > 0)
      rules.set(
        rule.slice(0, colon).trim(),
        rule
          .slice(colon + 1)
          .replace('!important', '')
          .trim(),
      );
  }
  const nothing = (property: string): boolean => {
    const value = rules.get(property);
    return value !== undefined && value !== '' && NOTHING.test(value);
  };
  if (
    rules.get('display') === 'none' ||
    rules.get('visibility') === 'hidden' ||
    rules.get('mso-hide') === 'all'
  )
    return true;
  if (nothing('opacity') || nothing('font-size')) return true;
  // A box of no size hides its content only if it also cuts it off.
  const cuts = rules.get('overflow') === 'hidden';
  if (cuts && (nothing('max-height') || nothing('height') || nothing('max-width') || nothing('width')))
    return true;
  return rules.get('color') === 'transparent' || farAway(rules);
}

/** Moved out of the page, by 999 px or more. */
function farAway(rules: Map<string, string>): boolean {
  return ['left', 'top', 'text-indent', 'margin-left'].some(
    (property) =>
      /^-\d{3,}(?:\.\d+)?(?:px|em|pt)$/.test(rules.get(property) ?? '') &&
      Number.parseInt(rules.get(property) ?? '0', 10) <= -999,
  );
}
