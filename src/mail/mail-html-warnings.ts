// What mail programs make of an HTML that its author may not want: told before it is sent. Pure.
import { Parser } from 'htmlparser2';

export interface HtmlWarning {
  code: string;
  message: string;
}

const CLIPPED_BYTES = 102 * 1024; // Gmail shows that much, and a link to the rest
const MAX_SHEET_CHARS = 16 * 1024; // Gmail drops a style sheet past that
const MAX_TOLD = 50; // of one mail
/** Outlook on Windows lays out by Word, which knows none of these. */
const UNKNOWN_TO_OUTLOOK =
  /(?:^|[;{\s])(display\s*:\s*(?:inline-)?(?:flex|grid)|position\s*:\s*(?:absolute|fixed|sticky|relative))/i;
const DROPPED = new Set([
  'script',
  'iframe',
  'object',
  'embed',
  'form',
  'input',
  'button',
  'video',
  'audio',
  'svg',
]);

export function htmlWarnings(html: string): HtmlWarning[] {
  const found = new Map<string, HtmlWarning>();
  const tell = (code: string, message: string): void => {
    if (found.size < MAX_TOLD) found.set(`${code} ${message}`, { code, message });
  };
  const bytes = Buffer.byteLength(html);
  if (bytes > CLIPPED_BYTES)
    tell(
      'clipped',
      `It has ${Math.ceil(bytes / 1024)} kB: Gmail shows 102 kB of a mail, and hides the rest.`,
    );
  let sheet: string[] | null = null;
  let hasPage = false;
  const parser = new Parser(
    {
      onopentag(name, attributes) {
        if (name === 'html') hasPage = true;
        if (name === 'style') sheet = [];
        checkElement(name, attributes, tell);
      },
      ontext: (text) => sheet?.push(text),
      onclosetag(name) {
        if (name !== 'style' || sheet === null) return;
        const css = sheet.join('');
        sheet = null;
        checkStyle(css, tell);
        if (css.length > MAX_SHEET_CHARS)
          tell('style_size', 'The style sheet that is left has more than 16 kB: Gmail drops it.');
      },
    },
    { decodeEntities: true, lowerCaseTags: true },
  );
  parser.end(html);
  if (!hasPage)
    tell('no_language', 'It has no <html lang="…">: screen readers guess how to read it. A layout has one.');
  return [...found.values()];
}

type Tell = (code: string, message: string) => void;

function checkElement(name: string, attributes: Record<string, string>, tell: Tell): void {
  const { src = '', alt, href = '', style = '', lang, role, rel, background = '' } = attributes;
  if (name === 'html' && !lang?.trim())
    tell('no_language', 'The <html> has no lang: screen readers guess how to read it.');
  if (DROPPED.has(name)) tell('dropped_element', `Mail programs drop <${name}>.`);
  if (name === 'img') checkImage(src, alt, tell);
  if (/^(https?:)?\/\//i.test(background)) tell('remote_image', remote(background));
  if (name === 'link' && /stylesheet/i.test(rel ?? ''))
    tell('dropped_element', 'Mail programs fetch no style sheet: write it into <style>.');
  if (name === 'a' && /^http:/i.test(href)) tell('http_link', `A link is not https: ${href.slice(0, 100)}.`);
  if (name === 'a' && href === '') tell('empty_link', 'A link leads nowhere.');
  if (name === 'table' && role === undefined)
    tell(
      'table_role',
      'A table has no role: write role="presentation" where it lays out, role="table" where it is one.',
    );
  checkStyle(style, tell);
}

function checkImage(src: string, alt: string | undefined, tell: Tell): void {
  const shown = src.slice(0, 100);
  if (alt === undefined)
    tell('image_without_alt', `A picture has no alt: ${shown}. Write alt="" where it only decorates.`);
  if (/^(https?:)?\/\//i.test(src)) tell('remote_image', remote(shown));
  if (/^data:/i.test(src))
    tell('data_image', 'Gmail and Outlook show no picture of a data: address; use {{image}}.');
}

const remote = (src: string): string =>
  `A picture is fetched from elsewhere (${src.slice(0, 100)}): most programs show it only when they are asked to.`;

function checkStyle(css: string, tell: Tell): void {
  const unknown = UNKNOWN_TO_OUTLOOK.exec(css)?.[1];
  if (unknown !== undefined)
    tell('outlook_css', `Outlook on Windows drops \`${unknown.replace(/\s+/g, '')}\`: lay out by tables.`);
  if (/@import|url\(\s*['"]?(https?:)?\/\//i.test(css))
    tell('remote_style', 'A style fetches something: most programs do not.');
}
