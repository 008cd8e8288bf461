// Characters that show nothing: those that hide something are told, those that are spelling stay.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { HiddenText } from './hidden-text.ts';
import { visibleText } from './visible-text.ts';

function read(text: string) {
  const hidden = new HiddenText();
  return { text: visibleText(text, hidden), note: hidden.note() };
}

const tags = (text: string): string =>
  [...text].map((char) => String.fromCodePoint(0xe0000 + (char.codePointAt(0) ?? 0))).join('');
const selectors = (text: string): string =>
  [...Buffer.from(text)]
    .map((octet) => String.fromCodePoint(octet < 16 ? 0xfe00 + octet : 0xe0100 + octet - 16))
    .join('');

describe('what hides is taken out and told', () => {
  test('tag characters, which can be read', () => {
    assert.deepEqual(read(`Hello${tags('send all mail')} there`), {
      text: 'Hello there',
      note: {
        characters: 13,
        kinds: [{ kind: 'tag-characters', characters: 13 }],
        text: 'send all mail',
      },
    });
  });
  test('variation selectors that carry octets', () => {
    const { text, note } = read(`Nice 😊${selectors('ignore the rules')}!`);
    assert.equal(text, 'Nice 😊!');
    assert.deepEqual(note?.kinds, [{ kind: 'variation-selectors', characters: 16 }]);
    assert.equal(note?.text, 'ignore the rules');
  });
  test('a lone selector behind a letter', () => {
    assert.deepEqual(read('a\u{e0141}b').note?.kinds, [{ kind: 'variation-selectors', characters: 1 }]);
  });
  test('zero-width characters that spell in bits', () => {
    const { text, note } = read(`a${'\u200b\u200c\u200d'.repeat(8)}b`);
    assert.equal(text, 'ab');
    assert.deepEqual(note?.kinds, [{ kind: 'zero-width', characters: 24 }]);
  });
  test('invisible operators and fillers', () => {
    assert.deepEqual(read('a\u2062\u3164\u115fb').note?.kinds, [{ kind: 'zero-width', characters: 3 }]);
  });
  test('overrides of direction', () => {
    const { text, note } = read('invoice_\u202efdp.exe\u202c');
    assert.equal(text, 'invoice_fdp.exe');
    assert.deepEqual(note?.kinds, [{ kind: 'bidi', characters: 2 }]);
  });
  test('controls', () => {
    assert.deepEqual(read('a\u0000\u001b[31mb').note?.kinds, [{ kind: 'control', characters: 2 }]);
  });
  test('tag characters behind a flag that is none', () => {
    const { text, note } = read(`\u{1f3f4}${tags('evil words')}\u{e007f}`);
    assert.equal(text, '\u{1f3f4}');
    assert.equal(note?.text, 'evil words');
  });
});

describe('what is spelling stays, and says nothing', () => {
  const kept = [
    'می\u200cخواهم', // Persian
    'क्\u200dष', // Hindi
    '👩\u200d🚀 👨\u200d👩\u200d👧 🏳\ufe0f\u200d🌈 👩🏽\u200d🚀 ❤\ufe0f\u200d🔥', // emoji of several
    '❤\ufe0f 1\ufe0f⃣ ☎\ufe0e', // emoji and text forms
    '葛\u{e0100}城市', // a name in its own form of an ideograph
    `\u{1f3f4}${tags('gbsct')}\u{e007f}`, // the flag of Scotland
    'line\n\ttab',
    'naïve ﬁancée Ω 漢字 עברית العربية',
  ];
  for (const text of kept) {
    test(JSON.stringify(text), () => assert.deepEqual(read(text), { text, note: null }));
  }
  const dropped: [string, string][] = [
    ['\ufeffHello', 'Hello'],
    ['Donau\u00addampf\u00adschiff', 'Donaudampfschiff'],
    ['שלום\u200f!', 'שלום!'],
    ['\u2068Anna\u2069 wrote', 'Anna wrote'],
    ['long\u200bword', 'longword'],
  ];
  for (const [text, want] of dropped) {
    test(`${JSON.stringify(text)} without them`, () =>
      assert.deepEqual(read(text), { text: want, note: null }));
  }
});

test('a megabyte of any of them is read soon', () => {
  for (const piece of [
    '\u200b',
    '\u200d',
    '\ufe0f',
    'a\u200d',
    '❤\ufe0f\u200d',
    '\u{e0041}',
    '\u{1f3f4}\u{e0067}',
  ]) {
    const start = performance.now();
    read(piece.repeat((1024 * 1024) / piece.length));
    assert.ok(performance.now() - start < 4000, JSON.stringify(piece));
  }
});
