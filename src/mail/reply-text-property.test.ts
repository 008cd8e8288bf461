// What holds of reply text whatever the mail is: over mails put together by chance from what people and programs write,
// and over hostile ones, in linear time.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { replyText } from './reply-text.ts';

const MAILS = 3000;

/** A small generator with a seed (mulberry32), so that a failure comes again. */
function chance(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) % below;
  };
}

/** What people write. None of it is like a quote, a signature or a footer. */
const OWN = [
  ...[
    'Yes, please.',
    'Bitte 40 statt 30 Tische.',
    "D'accord, merci.",
    '可以，请发合同。',
    'よろしくお願いします。',
  ],
  ...[
    '네, 진행해 주세요.',
    'Согласны: 40 столов.',
    'De acuerdo — 40 mesas.',
    '- 12 chairs',
    '* 3 tables',
    '1. oak',
  ],
  ...[
    'On Monday at 9:00 we open.',
    'From: the warehouse',
    'An: die Post',
    'Regards,',
    'Anna',
    '  set in',
    '?',
    '👍',
  ],
  ...[
    'a@b.example is my new address.',
    'Am 20. November um 14:00 sind wir da.',
    'Subject to approval: yes',
    '---',
  ],
  ...[
    'Le 20 novembre à 14:00, nous fermons.',
    'See https://prospect.example/list',
    'x -> y',
    '50 > 40',
    'Total: 14:00',
  ],
];
const QUOTED = ['> old', '>> older', '> ', '>x', '＞古い', '> 在 2026年 写道：', '> From: Sales', '> -- '];
const INTRODUCED = [
  'On Fri, Nov 20, 2026 at 2:00 PM Sales <sales@example.org> wrote:\n\n> old\n> older',
  'Am Fr., 20. Nov. 2026 um 14:00 Uhr schrieb Sales\n<sales@example.org>:\n> alt',
  '2026年11月20日(金) 14:00 営業 <sales@example.org>:\n\n> 古い',
  'Sales <sales@example.org> 于2026年11月20日周五 14:00写道：\n> 旧',
];
const UNMARKED = [
  '-----Original Message-----\nFrom: Sales\nSubject: Quote\n\nold',
  'Von: Sales <sales@example.org>\nGesendet: Freitag, 20. November 2026 14:00\nAn: Anna\nBetreff: Angebot\n\nalt',
  '------------------ 原始邮件 ------------------\n发件人: Sales\n\n旧',
  'On Friday, November 20, 2026 at 02:00:00 PM GMT+1, Sales <sales@example.org> wrote:\n\nold',
];
const FORWARDED = [
  '---------- Forwarded message ---------\nFrom: Bob\nSubject: Order\n\nTwelve chairs.\n\n> old',
  '> Begin forwarded message:\n> \n> From: Bob\n> \n> Twelve chairs.',
];
const ENDINGS = [
  '-- \nAnna\nProspect Ltd',
  'Sent from my iPhone',
  '나의 iPhone에서 보냄',
  'Von meinem iPhone gesendet',
  '--\nAnna',
];

type Kind = 'own' | 'blank' | 'quoted' | 'introduced' | 'ending' | 'unmarked' | 'forwarded' | 'noise';
const NOISE = [
  'From:',
  'wrote:',
  '--',
  'Sent:',
  '@ 14:00',
  '2026',
  '_____',
  '：',
  '\t',
  'To: a@b',
  'schrieb Sales:',
  '|',
];

function mail(next: (below: number) => number, kinds: readonly Kind[]): { text: string; own: string[] } {
  const pick = (from: readonly string[]): string => from[next(from.length)] as string;
  const pieces: Record<Exclude<Kind, 'own' | 'blank'>, readonly string[]> = {
    ...{ quoted: QUOTED, introduced: INTRODUCED, ending: ENDINGS, unmarked: UNMARKED },
    ...{ forwarded: FORWARDED, noise: NOISE },
  };
  const own: string[] = [];
  const text: string[] = [];
  for (const kind of kinds) {
    if (kind === 'blank') text.push('');
    else if (kind === 'own') {
      const line = pick(OWN);
      own.push(line);
      text.push(line);
    } else text.push(pick(pieces[kind]));
  }
  return { text: text.join('\n'), own };
}

const some = (next: (below: number) => number, most: number, kinds: readonly Kind[]): Kind[] =>
  Array.from({ length: next(most + 1) }, () => kinds[next(kinds.length)] as Kind);

/** Every line of `reply` is one of `text`, in the same order. Space at the end of the reply is not compared. */
function assertLinesOf(text: string, reply: string): void {
  if (reply === '') return;
  const lines = text.split('\n');
  let at = 0;
  for (const line of reply.split('\n')) {
    while (at < lines.length && lines[at] !== line && lines[at]?.trimEnd() !== line) at++;
    assert.ok(at < lines.length, `not a line of the text in its place: ${JSON.stringify(line)}\n${text}`);
    at++;
  }
}

describe('over mails made by chance', () => {
  const every: Kind[] = [
    'own',
    'own',
    'blank',
    'quoted',
    'introduced',
    'ending',
    'unmarked',
    'forwarded',
    'noise',
  ];

  test('reply text is lines of the text, in their order,', () => {
    for (let seed = 0; seed < MAILS; seed++) {
      const next = chance(seed);
      const { text } = mail(next, some(next, 14, every));
      const subject = ['Re: Quote', 'Fwd: Order', 'WG: x', ''][next(4)] as string;
      assertLinesOf(text, replyText(text, { subject }));
    }
  });

  test('it is empty only where every line is blank, marked as quoted or introduces a quote', () => {
    for (let seed = 0; seed < MAILS; seed++) {
      const next = chance(seed);
      const { text, own } = mail(next, ['own', ...some(next, 10, every)]);
      assert.notEqual(replyText(text), '', text);
      assert.ok(own.length > 0);
    }
  });

  test('an answer above a quote keeps every line that its sender wrote, and nothing else', () => {
    for (let seed = 0; seed < MAILS; seed++) {
      const next = chance(seed);
      const above: Kind[] = ['own', ...some(next, 6, ['own', 'own', 'blank']), 'own', 'blank'];
      const below: Kind[] = [['introduced', 'unmarked'][next(2)] as Kind];
      const { text, own } = mail(next, [...above, ...some(next, 1, ['ending']), 'blank', ...below]);
      const kept = replyText(text)
        .split('\n')
        .filter((line) => line !== '');
      assert.deepEqual(kept, own, text);
    }
  });

  test('answers between marked quotes keep every line that their sender wrote, and nothing else', () => {
    for (let seed = 0; seed < MAILS; seed++) {
      const next = chance(seed);
      const pieces = some(next, 12, ['own', 'blank', 'quoted', 'quoted']);
      const { text, own } = mail(next, ['introduced', 'blank', 'own', 'blank', ...pieces]);
      const kept = replyText(text)
        .split('\n')
        .filter((line) => line !== '');
      assert.deepEqual(kept, own, text);
    }
  });

  test('a mail without a quote is left as it is, whatever its subject says', () => {
    for (let seed = 0; seed < MAILS; seed++) {
      const next = chance(seed);
      const { text } = mail(next, ['own', ...some(next, 10, ['own', 'own', 'blank']), 'own']);
      assert.equal(replyText(text, { subject: 'Fwd: Order' }), text.trimEnd(), text);
    }
  });
});

const HALF_CHARS = 512 * 1024;
const RUNS = 3; // the best of them: the machine does other things as well
const TWICE_AND_NOISE = 4; // twice the text takes twice the time; four times would be its square
const FLOOR_MS = 25; // shorter times say nothing

const TRIGGERS = [
  ...[
    'Op schreef\n',
    'On 1 \n',
    'On 20 Nov 2026 at 14:00 a@b.c\n',
    'a@b 2026 wrote\n',
    'a:\n',
    '2026/1 @ \n',
    '在 2026\n',
  ],
  ...[
    'From: a\n',
    'Date: 14:00\n',
    'Von: a@b 14:00\nx\n',
    '> \n',
    '>1\n',
    '>>> 1 ',
    '-- \nx\n> \n',
    '--\n',
    '- - ',
  ],
  ...[
    '----------\n',
    'Sent from my iPhone\n',
    'von meinem outlook ',
    'http://',
    '[',
    ' ',
    '\u3000',
    ' \n',
    '主　题：\n',
  ],
  ...['x\n\n', `On ${'1'.repeat(90)}@\n`],
];

test('a hostile text of 1 MB takes about twice the time of one of half the size', () => {
  const timeOf = (text: string): number => {
    const before = process.cpuUsage();
    replyText(text, { subject: text.slice(0, 1000) });
    return Math.max(process.cpuUsage(before).user / 1000, FLOOR_MS);
  };
  for (const piece of TRIGGERS) {
    const half = piece.repeat(HALF_CHARS / piece.length);
    const factors: number[] = [];
    do factors.push(timeOf(half + half) / timeOf(half));
    while (Math.min(...factors) >= TWICE_AND_NOISE && factors.length < RUNS);
    assert.ok(Math.min(...factors) < TWICE_AND_NOISE, `${JSON.stringify(piece.slice(0, 30))}: ${factors}`);
  }
});
