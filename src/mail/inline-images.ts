// Pictures inside of an HTML mail: which files its HTML shows by `cid:` (RFC 2392), and pictures that stand in it as data:
// URIs, which most mail programs do not show, taken out to become such files.
import { createHash } from 'node:crypto';
import { Parser } from 'htmlparser2';
import { PosternError } from '../kernel/errors.ts';

const MOST_IMAGES = 100; // of one mail
const LARGEST_IMAGE_BYTES = 10 * 1024 * 1024; // of one that stands in HTML: it is in memory
const CONTENT_ID_CHARS = 250; // more cannot be folded into lines
const HEAD_BYTES = 12;

const SHOWING = new Set(['src', 'background', 'poster', 'href', 'data', 'longdesc', 'srcset']);
const CID_IN_STYLE = /url\(\s*["']?\s*cid:([^"')\s]+)/gi;
const CID_IN_COMMENT = /(?:src|background|href)\s*=\s*["']?\s*cid:([^"'\s>]+)/gi; // what is for Outlook alone
const ATTRIBUTE_NAME = /^[a-z_][\w:.-]*$/i;
const CONTENT_ID = /^[\w.!#$%&'*+/=?^`{|}~-]+(?:@[\w.-]+)?$/;

/** What mail programs show without running anything. */
export const RASTER_TYPES: ReadonlySet<string> = new Set([
  'image/png',
  'image/jpeg',
  'image/gif',
  'image/webp',
]);

/** What its first bytes say that a picture is; null where it is none of these. */
export function imageTypeOf(head: Uint8Array): string | null {
  const bytes = Buffer.from(head.subarray(0, HEAD_BYTES)).toString('latin1');
  if (bytes.startsWith('\x89PNG\r\n\x1a\n')) return 'image/png';
  if (bytes.startsWith('\xff\xd8\xff')) return 'image/jpeg';
  if (/^GIF8[79]a/.test(bytes)) return 'image/gif';
  if (/^RIFF.{4}WEBP/s.test(bytes)) return 'image/webp';
  return null;
}

/** Whether a mail can have it as a Content-ID, without angle brackets. */
export const isContentId = (id: string): boolean => id.length <= CONTENT_ID_CHARS && CONTENT_ID.test(id);

/** The Content-IDs that the HTML shows, without angle brackets. */
export function shownContentIds(html: string): Set<string> {
  const found = new Set<string>();
  if (!/cid:/i.test(html)) return found;
  const inStyle = (css: string): void => {
    for (const [, id = ''] of css.matchAll(CID_IN_STYLE)) found.add(unescaped(id));
  };
  let isSheet = false;
  const parser = new Parser({
    onopentag: (name, attributes) => {
      isSheet = name === 'style';
      for (const [attribute, value] of Object.entries(attributes)) {
        const id = SHOWING.has(attribute) ? /^\s*cid:(\S+)/i.exec(value)?.[1] : undefined;
        if (id !== undefined) found.add(unescaped(id));
        if (attribute === 'style') inStyle(value);
      }
    },
    ontext: (text) => {
      if (isSheet) inStyle(text);
    },
    onclosetag: () => {
      isSheet = false;
    },
    oncomment: (comment) => {
      for (const [, id = ''] of comment.matchAll(CID_IN_COMMENT)) found.add(unescaped(id));
      inStyle(comment);
    },
  });
  parser.end(html);
  return found;
}

export interface DataImage {
  contentId: string;
  contentType: string;
  filename: string;
  bytes: Buffer;
}

/**
 * The HTML with every picture of a data: URI shown by `cid:`, and those pictures, each once.
 * @param domain what their Content-IDs end with
 * @throws PosternError `attachment_invalid` for what is no picture, or too large, or one of too many
 */
export function takeDataImages(html: string, domain: string): { html: string; images: DataImage[] } {
  if (!/data:/i.test(html)) return { html, images: [] };
  const images = new Map<string, DataImage>();
  const out: string[] = [];
  let done = 0;
  const parser = new Parser({
    onopentag: (name, attributes) => {
      const { src } = attributes;
      if (name !== 'img' || src === undefined || !/^\s*data:/i.test(src)) return;
      const image = imageOf(src, images.size + 1, domain);
      const known = images.get(image.contentId) ?? image;
      images.set(known.contentId, known);
      if (images.size > MOST_IMAGES) throw refuse(`are more than ${MOST_IMAGES}`);
      out.push(html.slice(done, parser.startIndex), tagOf({ ...attributes, src: `cid:${known.contentId}` }));
      done = parser.endIndex + 1;
    },
  });
  parser.end(html);
  out.push(html.slice(done));
  return { html: out.join(''), images: [...images.values()] };
}

function imageOf(uri: string, index: number, domain: string): DataImage {
  const comma = uri.indexOf(',');
  if (comma < 0 || !/;\s*base64\s*$/i.test(uri.slice(0, comma)))
    throw refuse('must be written in base64: data:image/png;base64,…');
  const bytes = Buffer.from(
    uri.slice(comma + 1).replace(/%([0-9a-f]{2})/gi, (_, hex: string) => fromHex(hex)),
    'base64',
  );
  if (bytes.length > LARGEST_IMAGE_BYTES) throw refuse(`have more than ${LARGEST_IMAGE_BYTES} bytes`);
  // What it says of itself is not asked: a picture of SVG could hold a program.
  const contentType = imageTypeOf(bytes);
  if (contentType === null) throw refuse('must be PNG, JPEG, GIF or WebP');
  const contentId = `${createHash('sha256').update(bytes).digest('hex').slice(0, 32)}@${domain}`;
  const filename = `image-${index}.${contentType.slice('image/'.length).replace('jpeg', 'jpg')}`;
  return { contentId, contentType, filename, bytes };
}

const fromHex = (hex: string): string => String.fromCharCode(Number.parseInt(hex, 16));

function tagOf(attributes: Record<string, string>): string {
  const written = Object.entries(attributes)
    .filter(([name]) => ATTRIBUTE_NAME.test(name))
    .map(([name, value]) => ` ${name}="${value.replaceAll('&', '&amp;').replaceAll('"', '&quot;')}"`);
  return `<img${written.join('')}>`;
}

/** As a link names it (RFC 2392 §2). */
function unescaped(id: string): string {
  try {
    return decodeURIComponent(id);
  } catch {
    return id;
  }
}

const refuse = (why: string): PosternError =>
  new PosternError('attachment_invalid', `Pictures in the HTML (as data: URIs) ${why}.`, {
    hint: 'Attach the picture with a content_id, and show it by cid:.',
  });
