// What is not of the plain form is left to the library, whatever a server says.
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { readFetchAnswer } from './fetch-answer.ts';

const HEADERS = Buffer.from('Subject: x\r\n\r\n');
const TEXT = '("text" "plain" ("charset" "utf-8") NIL NIL "7bit" 20 1 NIL NIL NIL NIL)';
const answer = (items: string, literals: readonly Buffer[] = [HEADERS]) =>
  readFetchAnswer(Buffer.from(`* 3 FETCH (${items})`), literals);
const items = (change: Record<string, string> = {}): string =>
  Object.entries({
    UID: '7',
    FLAGS: '(\\Seen $a)',
    INTERNALDATE: '"20-Nov-2026 10:00:00 +0100"',
    'RFC822.SIZE': '100',
    BODYSTRUCTURE: TEXT,
    'BODY[HEADER]': `{${HEADERS.length}}\r\n`,
    ...change,
  })
    .map(([name, value]) => `${name} ${value}`)
    .join(' ');

it('an answer of the plain form is read whole', () => {
  assert.deepEqual(answer(items({ MODSEQ: '(12)' })), {
    uid: 7,
    flags: ['\\Seen', '$a'],
    internalDate: Date.UTC(2026, 10, 20, 9),
    size: 100,
    headers: HEADERS,
    bodyStructure: { type: 'text/plain', parameters: { charset: 'utf-8' }, encoding: '7bit', size: 20 },
  });
});

it('the conversation that a provider tells is read, and none that is no id', () => {
  assert.equal(answer(items({ 'X-GM-THRID': '1266894439832287888' }))?.threadId, '1266894439832287888');
  assert.equal(answer(items({ THREADID: '(T-64b_1)' }))?.threadId, 'T-64b_1');
  assert.equal(answer(items({ THREADID: 'NIL' }))?.threadId, undefined);
  assert.equal(answer(items({ 'X-GM-THRID': '<a@b>' }))?.threadId, undefined);
  assert.equal(answer(items({ THREADID: 'what' })), null);
});

const others: Record<string, string> = {
  'flags alone': 'UID 7 FLAGS (\\Seen)',
  'no UID': items().replace('UID 7 ', ''),
  'a UID that is none': items({ UID: '7x' }),
  'a date that is none': items({ INTERNALDATE: '"yesterday"' }),
  'a header of another length': items({ 'BODY[HEADER]': '{3}\r\n' }),
  'a quoted header': items({ 'BODY[HEADER]': '"Subject: x"' }),
  'another section': items().replace('BODY[HEADER]', 'BODY[TEXT]'),
  'two headers': `${items()} BODY[HEADER] {${HEADERS.length}}\r\n`,
  'an item that nobody asked for': items({ 'X-OTHER': '1' }),
  'a list that does not end': items({ BODYSTRUCTURE: TEXT.slice(0, -1) }),
  'a list without end': items({ BODYSTRUCTURE: '('.repeat(10_000) }),
  'a string that does not end': items({ BODYSTRUCTURE: '("text' }),
  'an escaped quote': items({ BODYSTRUCTURE: TEXT.replace('utf-8', 'a\\"b') }),
  'a literal in the structure': items({ BODYSTRUCTURE: TEXT.replace('"utf-8"', '{5}\r\n') }),
  'a name in parts (RFC 2231)': items({ BODYSTRUCTURE: TEXT.replace('charset', 'name*0') }),
  'an encoded name (RFC 2047)': items({ BODYSTRUCTURE: TEXT.replace('utf-8', '=?utf-8?q?a?=') }),
  'a name that is the prototype’s': items({ BODYSTRUCTURE: TEXT.replace('charset', '__proto__') }),
  'a message in the message': items({ BODYSTRUCTURE: TEXT.replace('"text" "plain"', '"message" "rfc822"') }),
  'a text without its lines': items({ BODYSTRUCTURE: TEXT.replace('20 1 ', '20 ') }),
  'octets above ASCII': items({ BODYSTRUCTURE: TEXT.replace('utf-8', 'ü') }),
};
for (const [what, text] of Object.entries(others)) {
  it(`${what}: left to the library`, () => assert.equal(answer(text), null));
}

it('an answer with literals elsewhere, or with none, is left to the library', () => {
  assert.equal(answer(items(), []), null);
  assert.equal(answer(items(), [HEADERS, HEADERS]), null);
  assert.equal(readFetchAnswer(Buffer.from(`* OK ${items()}`), [HEADERS]), null);
});
