// Bytes to text: the one door of iconv-lite. Declared charsets by the names that mail uses, and a guess where a mail
// declares none or a wrong one.
import { isAscii, isUtf8 } from 'node:buffer';
import iconv from 'iconv-lite';

/** Names seen in mail that iconv-lite does not know, and wider sets that senders mean by a narrower name. */
const ALIASES: Record<string, string> = {
  'unicode-1-1-utf-7': 'utf-7',
  'x-sjis': 'shift_jis',
  ms932: 'shift_jis',
  'iso-8859-8-i': 'iso-8859-8',
  'iso-8859-8-e': 'iso-8859-8',
  'iso-8859-6-i': 'iso-8859-6',
  'x-gbk': 'gb18030',
  gb2312: 'gb18030',
  gbk: 'gb18030',
  'gb_2312-80': 'gb18030',
  'iso-8859-1': 'windows-1252', // senders who declare Latin-1 use the windows-1252 punctuation, as WHATWG found
  latin1: 'windows-1252',
};
const GUESS_OCTETS = 4096; // as much as a guess looks at; more does not make it better

/** Text of `bytes` in the charset that the mail declares; a charset that is missing, unknown or wrong is guessed. */
export function decodeCharset(bytes: Uint8Array, declared: string | null): string {
  const buffer = asBuffer(bytes);
  const name = normalise(declared);
  if (name === 'iso-2022-jp' || name.startsWith('iso-2022-jp-')) {
    // ICU knows the vendor rows and half-width kana that are common in Japanese mail; iconv-lite has no ISO-2022.
    return clean(new TextDecoder('iso-2022-jp').decode(buffer));
  }
  if (name === '' || name === 'us-ascii' || name === 'ascii' || name === 'utf-8' || name === 'utf8') {
    if (isAscii(buffer)) return clean(looksLikeJis(buffer) ? iso2022jp(buffer) : buffer.toString('latin1'));
    if (isUtf8(buffer)) return clean(buffer.toString('utf8'));
    // A broken octet or a cut in the last character is no reason to read a UTF-8 text as something else.
    if (name.startsWith('utf') || mostlyUtf8(buffer)) return clean(utf8OrGuess(buffer));
    return clean(iconv.decode(buffer, guessCharset(buffer)));
  }
  const known = ALIASES[name] ?? name;
  if (iconv.encodingExists(known)) return clean(iconv.decode(buffer, known));
  if (isUtf8(buffer)) return clean(buffer.toString('utf8'));
  return clean(iconv.decode(buffer, guessCharset(buffer)));
}

/** Text of a raw header octet string that may hold undeclared 8-bit characters. */
export function decodeRaw(bytes: Uint8Array, hint: string | null): string {
  const buffer = asBuffer(bytes);
  if (isUtf8(buffer)) return clean(buffer.toString('utf8'));
  const name = normalise(hint);
  const asked = ALIASES[name] ?? name;
  const useful = asked !== '' && !asked.startsWith('utf') && !asked.endsWith('ascii');
  if (useful && iconv.encodingExists(asked)) return clean(iconv.decode(buffer, asked));
  return clean(iconv.decode(buffer, guessCharset(buffer)));
}

/** The most likely charset of 8-bit octets that are not UTF-8, by how they pair. An honest guess, in linear time. */
export function guessCharset(bytes: Uint8Array): string {
  const end = Math.min(bytes.length, GUESS_OCTETS);
  let high = 0;
  let runs = 0;
  let longRuns = 0;
  let unpaired = 0; // octets that break the pairing of the two-octet sets of China, Japan and Korea
  let eucKana = 0;
  let sjisPairs = 0;
  let sjisBroken = 0;
  let above = 0; // octets from 0xE0 on: the small letters of windows-1251
  let middle = 0; // octets from 0xC0 to 0xDF: the small letters of KOI8-R
  for (let i = 0; i < end; ) {
    if ((bytes[i] as number) < 0x80) {
      i++;
      continue;
    }
    const start = i;
    while (i < end && (bytes[i] as number) >= 0x80) {
      if ((bytes[i] as number) >= 0xe0) above++;
      else if ((bytes[i] as number) >= 0xc0) middle++;
      i++;
    }
    const length = i - start;
    high += length;
    runs++;
    if (length >= 3) longRuns++;
    for (let k = start; k < i; k += 2) {
      const lead = bytes[k] as number;
      const trail = k + 1 < i ? (bytes[k + 1] as number) : 0;
      if (lead < 0xa1 || lead > 0xf7 || trail < 0xa1) unpaired++;
      else if (lead === 0xa4 || lead === 0xa5) eucKana++;
    }
  }
  for (let i = 0; i < end; i++) {
    const lead = bytes[i] as number;
    if (lead < 0x80) continue;
    const trail = i + 1 < bytes.length ? (bytes[i + 1] as number) : 0;
    const isLead = (lead >= 0x81 && lead <= 0x9f) || (lead >= 0xe0 && lead <= 0xfc);
    if (isLead && trail >= 0x40 && trail !== 0x7f && trail <= 0xfc) {
      if (lead === 0x82 || lead === 0x83 || lead === 0x81) sjisPairs++;
      i++;
    } else if (lead < 0xa1 || lead > 0xdf) sjisBroken++;
  }
  if (high === 0) return 'windows-1252';
  // Cyrillic words are long runs of one row of letters; Chinese, Japanese and Korean octets spread over several.
  if (longRuns * 2 > runs && above * 5 > high * 3) return 'windows-1251';
  if (longRuns * 2 > runs && middle * 20 > high * 17) return 'koi8-r';
  if (unpaired === 0 && high >= 4) return eucKana * 6 > high ? 'euc-jp' : 'gb18030';
  if (sjisBroken === 0 && sjisPairs * 6 > high) return 'shift_jis';
  if (unpaired * 20 < high && high >= 8 && longRuns > 0) return 'gb18030';
  return 'windows-1252';
}

function normalise(name: string | null): string {
  if (name === null) return '';
  // RFC 2231 §5 lets a language follow the charset of an encoded word: utf-8*en.
  const bare = name.split('*', 1)[0] ?? '';
  const lower = bare.trim().toLowerCase().replace(/^"|"$/g, '');
  if (lower === 'unknown-8bit' || lower === 'x-unknown' || lower === 'default' || lower === '8bit') return '';
  return lower === '7bit' || lower === 'ansi_x3.4-1968' || lower === '646' ? 'us-ascii' : lower;
}

const asBuffer = (bytes: Uint8Array): Buffer =>
  Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);

const iso2022jp = (buffer: Buffer): string => new TextDecoder('iso-2022-jp').decode(buffer);

/** Japanese mail of the old school often declares nothing: ESC $ B or ESC $ @ opens its kanji. */
function looksLikeJis(buffer: Buffer): boolean {
  const at = buffer.indexOf(0x1b);
  return at >= 0 && (buffer.includes('\x1b$B') || buffer.includes('\x1b$@'));
}

function mostlyUtf8(buffer: Buffer): boolean {
  const sample = buffer.subarray(0, GUESS_OCTETS);
  let high = 0;
  for (const octet of sample) if (octet >= 0xc0) high++;
  let bad = 0;
  for (const char of sample.toString('utf8')) if (char === '\uFFFD') bad++;
  return bad * 4 <= high;
}

/** UTF-8 was declared but does not hold: a few broken octets are shown as such, anything else is guessed. */
function utf8OrGuess(buffer: Buffer): string {
  return mostlyUtf8(buffer) ? buffer.toString('utf8') : iconv.decode(buffer, guessCharset(buffer));
}

/** NUL cannot be stored by every database, and lone surrogates cannot be sent as UTF-8: neither leaves this file. */
function clean(text: string): string {
  const bare = text.includes('\0') ? text.replaceAll('\0', '') : text;
  const unmarked = bare.charCodeAt(0) === 0xfeff ? bare.slice(1) : bare;
  return unmarked.isWellFormed() ? unmarked : unmarked.toWellFormed();
}
