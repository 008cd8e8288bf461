// What a mail says of the files that it links to: name, size, and until when, in both bodies and in the mail's language.
// Pure: the same links make the same words.
import type { FileLink } from '../contracts/draft.ts';

interface Words {
  title: string;
  /** `{}` stands for the day. */
  until: string;
}

const WORDS: Readonly<Record<string, Words>> = {
  en: { title: 'Files to download', until: 'available until {}' },
  de: { title: 'Dateien zum Herunterladen', until: 'verfügbar bis {}' },
  es: { title: 'Archivos para descargar', until: 'disponible hasta el {}' },
  fr: { title: 'Fichiers à télécharger', until: 'disponible jusqu’au {}' },
  it: { title: 'File da scaricare', until: 'disponibile fino al {}' },
  ja: { title: 'ダウンロード用ファイル', until: '{}まで有効' },
  nl: { title: 'Bestanden om te downloaden', until: 'beschikbaar tot en met {}' },
  pt: { title: 'Ficheiros para descarregar', until: 'disponível até {}' },
  zh: { title: '可下载的文件', until: '有效期至{}' },
};
const DAY_MS = 24 * 3_600_000;
const UNITS = ['byte', 'kilobyte', 'megabyte', 'gigabyte'] as const;

/** Whether the block can be written in the language. @param tag BCP 47 */
export const speaks = (tag: string): boolean => WORDS[primary(tag)] !== undefined;

const primary = (tag: string): string => tag.split('-')[0]?.toLowerCase() ?? '';

interface Line {
  name: string;
  url: string;
  /** `200 MB, available until 5 December 2026` */
  facts: string;
}

function linesOf(links: readonly FileLink[], tag: string): { title: string; lang: string; lines: Line[] } {
  const lang = speaks(tag) ? primary(tag) : 'en';
  const { title, until } = WORDS[lang] as Words;
  const lines = links.map(({ filename: name, url, size, expires_at }) => {
    const end = expires_at === null ? [] : [until.replace('{}', () => dayOf(expires_at, lang))];
    return { name, url, facts: [sizeOf(size, lang), ...end].join(', ') };
  });
  return { title, lang, lines };
}

/** The text with the block: above what the mail quotes at its end, as an answer's own words are. */
export function textWithLinks(text: string, links: readonly FileLink[], tag: string): string {
  const { title, lines } = linesOf(links, tag);
  const block = [`${title}:`, ...lines.map(({ name, url, facts }) => `\n${name} (${facts})\n${url}`)].join(
    '\n',
  );
  const at = quoteBegins(text);
  const [own, quoted] = [text.slice(0, at).trimEnd(), text.slice(at)];
  return `${own === '' ? '' : `${own}\n\n`}${block}\n${quoted === '' ? '' : `\n${quoted}`}`;
}

/** Where a quote begins that the text ends with, its line of who wrote it included. */
function quoteBegins(text: string): number {
  const lines = text.split('\n');
  let first = lines.length;
  while (first > 0 && /^(?:>.*|\s*)$/.test(lines[first - 1] as string)) first--;
  while (first < lines.length && !lines[first]?.startsWith('>')) first++;
  if (first === lines.length) return text.length;
  if (/:\s*$/.test(lines[first - 1] ?? '')) first--;
  return lines.slice(0, first).reduce((sum, line) => sum + line.length + 1, 0);
}

export function htmlWithLinks(html: string, links: readonly FileLink[], tag: string): string {
  const { title, lang, lines } = linesOf(links, tag);
  const items = lines.map(
    ({ name, url, facts }) =>
      `<li style="margin:4px 0"><a href="${escaped(url)}">${escaped(name)}</a> (${escaped(facts)})</li>`,
  );
  const block =
    `<div lang="${lang}" style="margin:16px 0;padding:12px 16px;border:1px solid #ccc;border-radius:6px">\n` +
    `<p style="margin:0 0 4px"><strong>${escaped(title)}</strong></p>\n` +
    `<ul style="margin:0;padding-left:20px">\n${items.join('\n')}\n</ul>\n</div>\n`;
  const at = placeIn(html);
  return `${html.slice(0, at)}\n${block}${html.slice(at)}`;
}

/** Above the quote that it ends with, else at the end of the body. */
function placeIn(html: string): number {
  const quoted = /(?:<p>[^<]*<\/p>\s*)?<blockquote type="cite"/.exec(html);
  if (quoted && /<\/blockquote>\s*$/.test(html)) return quoted.index;
  const end = html.toLowerCase().lastIndexOf('</body>');
  return end < 0 ? html.length : end;
}

function sizeOf(octets: number, lang: string): string {
  let [value, unit] = [octets, 0];
  while (value >= 999.5 && unit < UNITS.length - 1) {
    value /= 1000;
    unit++;
  }
  const style = {
    style: 'unit',
    unit: UNITS[unit] as string,
    maximumFractionDigits: value < 10 ? 1 : 0,
  } as const;
  return value.toLocaleString(lang, style);
}

/** The last day, where it lasts to the end of one in UTC; else that hour. */
function dayOf(at: number, lang: string): string {
  if (at % DAY_MS === 0)
    return new Date(at - 1).toLocaleDateString(lang, { dateStyle: 'long', timeZone: 'UTC' });
  const time = new Date(at).toLocaleString(lang, { dateStyle: 'long', timeStyle: 'short', timeZone: 'UTC' });
  return `${time} UTC`;
}

const ENTITIES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };
const escaped = (text: string): string => text.replace(/[&<>"]/g, (char) => ENTITIES[char] as string);
