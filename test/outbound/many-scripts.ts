// Subjects, names and file names in over thirty scripts, the same for the same seed: what a header has to carry.

const SCRIPTS = [
  ...['Latin', 'Greek', 'Cyrillic', 'Armenian', 'Hebrew', 'Arabic', 'Syriac', 'Thaana', 'Nko', 'Devanagari'],
  ...[
    'Bengali',
    'Gurmukhi',
    'Gujarati',
    'Oriya',
    'Tamil',
    'Telugu',
    'Kannada',
    'Malayalam',
    'Sinhala',
    'Thai',
  ],
  ...['Lao', 'Tibetan', 'Myanmar', 'Georgian', 'Hangul', 'Ethiopic', 'Cherokee', 'Khmer', 'Mongolian', 'Han'],
  ...[
    'Hiragana',
    'Katakana',
    'Bopomofo',
    'Yi',
    'Gothic',
    'Deseret',
    'Cuneiform',
    'Egyptian_Hieroglyphs',
    'Adlam',
  ],
];
const LAST_CODE_POINT = 0x1ffff;

/** What breaks folding and encoding, put among the words. */
const SPECIAL = [
  ...[
    '👩‍👩‍👧‍👦',
    '👨🏽‍🚀',
    '🏳️‍🌈',
    '🇨🇭🇯🇵',
    '❤️',
    '𝔘𝔫𝔦𝔠𝔬𝔡𝔢',
    'é',
    'ą̈',
    'Z͑ͫ̓ͪ̂ͫ̽͏̴̙̤̞͉͚̯̞̠͍A̴̵̜̰͔ͫ͗͢',
    'नमस्ते',
    'می‌خواهم',
    'العربية: 123',
    'שלום "עולם"',
  ],
  ...[
    '"quoted"',
    "'single'",
    'a, b; c: d',
    '<angle@example.net>',
    '(comment)',
    'back\\slash',
    '=?utf-8?Q?fake?=',
  ],
  ...[
    '=?utf-8?B?ZmFrZQ==?=',
    '=?',
    '?=',
    '=?utf-8?Q?open',
    '=?x?y?z?= tail',
    '_under_score_',
    '100 %',
    '=3D',
    '\u00a0',
    '.',
  ],
  ...['x'.repeat(150), 'ü'.repeat(90), '漢'.repeat(70), '😀'.repeat(40), 'e\u0301'.repeat(50)],
];

export interface ScriptTexts {
  scripts: readonly string[];
  subject(): string;
  name(): string;
  filename(): string;
}

export function scriptTexts(seed: number): ScriptTexts {
  const random = mulberry32(seed);
  const below = (limit: number): number => Math.floor(random() * limit);
  const oneOf = <T>(list: readonly T[]): T => list[below(list.length)] as T;
  const letters = new Map(SCRIPTS.map((script) => [script, lettersOf(script)]));
  let turn = 0;
  const word = (script: string): string =>
    Array.from({ length: 1 + below(9) }, () => oneOf(letters.get(script) ?? [])).join('');
  const words = (most: number): string => {
    const script = SCRIPTS[turn++ % SCRIPTS.length] as string; // each in its turn
    const list = Array.from({ length: 1 + below(most) }, () =>
      below(5) === 0 ? oneOf(SPECIAL) : word(script),
    );
    if (below(6) === 0) list.push(word(oneOf(SCRIPTS)));
    return list.join(below(8) === 0 ? '  ' : ' ').trim();
  };
  return {
    scripts: SCRIPTS,
    subject: () => words(12),
    name: () => short(words(4)),
    filename: () => `${short(words(3)).replace(/[\\/]|=\?/g, '_')}.pdf`,
  };
}

/** At most 100 characters, whole ones. */
const short = (text: string): string => [...text].slice(0, 100).join('').trim();

function lettersOf(script: string): string[] {
  const letter = new RegExp(`^(?=[\\p{L}\\p{M}\\p{N}])\\p{Script=${script}}$`, 'u');
  const found: string[] = [];
  for (let code = 0x20; code <= LAST_CODE_POINT; code++) {
    if (code >= 0xd800 && code <= 0xdfff) continue;
    const character = String.fromCodePoint(code);
    if (letter.test(character)) found.push(character);
  }
  return found;
}

function mulberry32(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}
