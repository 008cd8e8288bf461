// What a text looks like: two texts with one skeleton can be taken for each other by a reader (after UTS 39 §4). The
// table holds what attacks are made of, and not all of Unicode: letters of other scripts that look like Latin ones, and
// pairs and digits that do in most fonts.

const MAX_CHARS = 500;

const LOOKS_LIKE: readonly (readonly [string, string])[] = [
  // Cyrillic
  ['а', 'a'],
  ['ь', 'b'],
  ['с', 'c'],
  ['ԁ', 'd'],
  ['е', 'e'],
  ['ғ', 'f'],
  ['һ', 'h'],
  ['і', 'i'],
  ['ӏ', 'i'],
  ['ј', 'j'],
  ['к', 'k'],
  ['м', 'm'],
  ['п', 'n'],
  ['о', 'o'],
  ['р', 'p'],
  ['ԛ', 'q'],
  ['г', 'r'],
  ['ѕ', 's'],
  ['т', 't'],
  ['ц', 'u'],
  ['ѵ', 'v'],
  ['ԝ', 'w'],
  ['х', 'x'],
  ['у', 'y'],
  ['ү', 'y'],
  // Greek
  ['α', 'a'],
  ['β', 'b'],
  ['ϲ', 'c'],
  ['ε', 'e'],
  ['η', 'n'],
  ['ι', 'i'],
  ['κ', 'k'],
  ['ν', 'v'],
  ['ο', 'o'],
  ['ρ', 'p'],
  ['σ', 'o'],
  ['τ', 't'],
  ['υ', 'u'],
  ['χ', 'x'],
  ['γ', 'y'],
  ['ω', 'w'],
  // Armenian, Cherokee and others
  ['ա', 'w'],
  ['հ', 'h'],
  ['յ', 'j'],
  ['ո', 'n'],
  ['օ', 'o'],
  ['ս', 'u'],
  ['ց', 'g'],
  ['ⲟ', 'o'],
  ['ᴏ', 'o'],
  ['ᴄ', 'c'],
  ['ᴠ', 'v'],
  ['ᴡ', 'w'],
  ['ᴢ', 'z'],
  ['ɑ', 'a'],
  ['ɡ', 'g'],
  ['ɩ', 'i'],
  ['ı', 'i'],
  ['ɯ', 'w'],
  ['ʏ', 'y'],
  ['ƅ', 'b'],
  ['đ', 'd'],
  ['ł', 'l'],
  ['ø', 'o'],
  ['ŧ', 't'],
  ['ħ', 'h'],
  ['æ', 'ae'],
  ['œ', 'oe'],
  ['ß', 'b'],
  // Digits and signs
  ['0', 'o'],
  ['1', 'i'],
  ['l', 'i'],
  ['|', 'i'],
  ['!', 'i'],
  ['3', 'e'],
  ['5', 's'],
  ['8', 'b'],
];
const TABLE = new Map(LOOKS_LIKE);
/** Pairs that look like one letter, once what is above was replaced. */
const PAIRS: readonly (readonly [string, string])[] = [
  ['rn', 'm'],
  ['vv', 'w'],
  ['ci', 'd'], // `cl`
];

/** The same for ASCII, which most names and addresses are: by code, and what counts for nothing is empty. */
const ASCII_LOOKS = Array.from({ length: 128 }, (_, code) => {
  const char = String.fromCharCode(code).toLowerCase();
  return "-_'`".includes(char) ? '' : (TABLE.get(char) ?? char);
});

/** Accents, hyphens, underlines, quotes and invisible characters count for nothing. */
export function skeletonOf(text: string): string {
  const bounded = text.length > MAX_CHARS ? text.slice(0, MAX_CHARS) : text;
  let seen = asciiLook(bounded) ?? anyLook(bounded);
  for (const [pair, letter] of PAIRS) if (seen.includes(pair)) seen = seen.replaceAll(pair, letter);
  return seen;
}

function asciiLook(text: string): string | undefined {
  let seen = '';
  for (let i = 0; i < text.length; i++) {
    const look = ASCII_LOOKS[text.charCodeAt(i)];
    if (look === undefined) return undefined;
    seen += look;
  }
  return seen;
}

function anyLook(text: string): string {
  const plain = text
    .normalize('NFKD')
    .toLowerCase()
    .replace(/[\p{M}\p{Cf}\p{Cc}\p{Pd}_'’`]+/gu, '');
  let seen = '';
  for (const char of plain) seen += TABLE.get(char) ?? char;
  return seen;
}

/** Scripts that one word is written in together in ordinary use (UTS 39 §5.2, highly restrictive). */
const TOGETHER: readonly ReadonlySet<string>[] = [
  new Set(['Latin', 'Han', 'Hiragana', 'Katakana']),
  new Set(['Latin', 'Han', 'Bopomofo']),
  new Set(['Latin', 'Han', 'Hangul']),
];
const SCRIPTS = [
  ...['Latin', 'Cyrillic', 'Greek', 'Armenian', 'Cherokee', 'Coptic', 'Georgian', 'Hebrew', 'Arabic'],
  ...['Devanagari', 'Thai', 'Han', 'Hiragana', 'Katakana', 'Bopomofo', 'Hangul'],
].map((name) => ({ name, test: new RegExp(`\\p{Script=${name}}`, 'u') }));

/** Whether a word of the text is written in scripts that do not belong together, such as a Cyrillic `а` among Latin letters. */
export function hasMixedScripts(text: string): boolean {
  if (!/\P{ASCII}/u.test(text)) return false;
  return text
    .slice(0, MAX_CHARS)
    .normalize('NFKC')
    .split(/[^\p{L}\p{M}]+/u)
    .some((word) => {
      const found = SCRIPTS.filter(({ test }) => test.test(word)).map(({ name }) => name);
      return found.length > 1 && !TOGETHER.some((set) => found.every((name) => set.has(name)));
    });
}
