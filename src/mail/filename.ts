// Names of attachments made safe: to show (nothing that hides or reverses what it says) and to write as a file on
// Linux, macOS and Windows.

const MAX_OCTETS = 200; // file systems take 255; the rest is room for a prefix of the caller's
const MAX_EXTENSION_CHARS = 16; // longer is no extension, and cutting must keep one
const MAX_INPUT_CHARS = 4096;
/** Bidirectional controls, zero-width and other invisible characters: they make `gpj.exe` look like a picture. */
const INVISIBLE =
  /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\u00ad\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff\u{e0000}-\u{e007f}]/gu;
const FORBIDDEN = /[/\\:*?"<>|]/g; // path separators, and what Windows refuses
const RESERVED = /^(?:con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³]|conin\$|conout\$)(?=\.|$)/i;

/**
 * A name that is safe to show and to use for a file inside a folder; `fallback` where nothing is left of `name`.
 * It has no path, no control or bidirectional characters, no leading or trailing dots, and is at most 200 octets.
 */
export function safeFilename(name: string | null | undefined, fallback: string): string {
  const shown = (name ?? '')
    .slice(0, MAX_INPUT_CHARS)
    .normalize('NFC')
    .replace(INVISIBLE, '')
    .replace(/\s/g, ' ')
    .replace(/ {2,}/g, ' ')
    .replace(FORBIDDEN, '_');
  const bare = trimDots(shown);
  if (bare === '' || /^[_ .]+$/.test(bare)) return fallback;
  const short = shorten(bare);
  return RESERVED.test(short) ? `_${short}` : short;
}

/** Windows drops dots and spaces at the end; a dot at the start hides a file, and two of them name a folder. */
function trimDots(name: string): string {
  let start = 0;
  let end = name.length;
  while (start < end && (name[start] === '.' || name[start] === ' ')) start++;
  while (end > start && (name[end - 1] === '.' || name[end - 1] === ' ')) end--;
  return name.slice(start, end);
}

function shorten(name: string): string {
  if (Buffer.byteLength(name) <= MAX_OCTETS) return name;
  const dot = name.lastIndexOf('.');
  const extension = dot > 0 && name.length - dot <= MAX_EXTENSION_CHARS ? name.slice(dot) : '';
  const room = MAX_OCTETS - Buffer.byteLength(extension);
  let octets = 0;
  let stem = '';
  for (const char of name.slice(0, name.length - extension.length)) {
    octets += Buffer.byteLength(char);
    if (octets > room) break;
    stem += char;
  }
  return trimDots(stem) + extension;
}
