import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { Condition } from '../contracts/rule-condition.ts';
import { unprovable } from '../mail/trust/level.ts';
import { compileRules } from './compile.ts';
import type { RuleInput } from './mail-view.ts';
import type { RuleSet } from './match.ts';
import { attached, sampleMail } from './testing.ts';

interface Written {
  when: Condition;
  stop?: boolean;
}

function setOf(...rules: Written[]): RuleSet {
  const text = JSON.stringify({
    // biome-ignore lint/suspicious/noThenProperty: the language says then
    rules: rules.map(({ when, stop }, i) => ({ name: `r${i}`, when, then: [stop ? 'stop' : 'mark_seen'] })),
  });
  return compileRules([{ name: 'test.yaml', text }]);
}

const withoutFlags = (mail: RuleInput): RuleInput => ({ ...mail, flags: [], unknown: ['flags'] });

/** The mail before its text was read and its signatures were checked, and with flags that nobody noted. */
function lessKnown({ text: _, ...mail }: RuleInput): RuleInput {
  return { ...mail, flags: [], unknown: ['flags', 'text'], unproved: true };
}

/** A small generator with a seed, so that a failure can be seen again. */
function random(seed: number): <T>(items: readonly T[]) => T {
  let state = seed;
  return (items) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return items[Math.floor((state / 2 ** 32) * items.length)] as (typeof items)[number];
  };
}

it('explain says of every rule of random sets what match does', () => {
  const pick = random(11);
  let matched = 0;
  for (let round = 0; round < 400; round++) {
    const set = setOf(...randomRules(pick));
    const mail = randomMail(pick);
    const names = set.match(mail).map(({ rule }) => rule);
    const explained = set.explain(mail);
    assert.deepEqual(
      explained.filter((one) => one.matched).map(({ rule }) => rule),
      names,
    );
    assert.deepEqual(
      set.judge(mail),
      set.match(mail).map((match) => ({ ...match, sure: true, lacks: [] })),
    );
    for (const one of explained) {
      assert.equal(one.unsure, false, 'everything is known');
      assert.equal(one.failed.length > 0, !one.matched && one.stopped_by === null, JSON.stringify(one));
    }
    matched += names.length;
  }
  assert.ok(matched > 300, `the test would show nothing with ${matched} matches`);
});

it('what is said without flags, text and proof holds whatever they turn out to be', () => {
  const pick = random(23);
  const anyFlags = [[], ['\\Seen'], ['\\Flagged'], ['\\Seen', '\\Flagged']];
  const anyText = ['', 'three pumps', 'an offer', 'an offer for pumps'];
  const seen = { sure: 0, unsure: 0, no: 0 };
  for (let round = 0; round < 400; round++) {
    const set = setOf(...randomRules(pick));
    const mail = randomMail(pick);
    const known = lessKnown(mail);
    const isProvable = unprovable(mail.metadata) === null;
    const judged = set.judge(known);
    const sure = judged.filter((one) => one.sure).map(({ rule }) => rule);
    const possible = new Set(judged.map(({ rule }) => rule));
    for (const flags of anyFlags) {
      for (const text of anyText) {
        for (const trust of isProvable ? [mail.trust, 'verified' as const] : [mail.trust]) {
          const names = set.match({ ...mail, flags, text, trust }).map(({ rule }) => rule);
          for (const name of sure) assert.ok(names.includes(name), `${name} was said to match`);
          for (const name of names) assert.ok(possible.has(name), `${name} was said not to match`);
        }
      }
    }
    const explained = set.explain(known);
    assert.deepEqual(
      explained.filter((one) => one.matched).map(({ rule }) => rule),
      sure,
    );
    assert.deepEqual(
      explained.filter((one) => one.unsure).map(({ rule }) => rule),
      judged.filter((one) => !one.sure).map(({ rule }) => rule),
    );
    for (const one of explained) {
      if (one.matched) seen.sure++;
      else if (one.unsure) seen.unsure++;
      else seen.no++;
      if (one.unsure) {
        const doubts = one.failed.every(({ had }) => had === 'not known');
        assert.ok(doubts && (one.failed.length > 0 || one.stopped_by !== null), JSON.stringify(one));
      }
      if (!one.matched && !one.unsure && one.stopped_by === null) {
        assert.ok(one.failed.length > 0 && one.failed.every(({ had }) => had !== 'not known'));
      }
    }
  }
  assert.ok(Math.min(seen.sure, seen.unsure, seen.no) > 100, JSON.stringify(seen));
});

it('a condition on what is not known is told as such, and hides no reason that is sure', () => {
  const set = setOf(
    { when: { flag: 'flagged', subject: 'quote' } },
    { when: { flag: 'flagged', subject: 'lunch' } },
    { when: { not: { flag: 'flagged' } } },
    { when: { any: [{ flag: 'flagged' }, { from: 'prospect.example' }] } },
  );
  assert.deepEqual(
    set.explain(withoutFlags(sampleMail())).map(({ text }) => text),
    [
      'may match: flag wants flagged, which is not known',
      'does not match: subject wants lunch, the mail has “A quote for 300 pumps”',
      'may match: not wants not {"flag":"flagged"}, which is not known',
      'matches',
    ],
  );
});

it('a rule after one that may stop may match, and after one that stops is not tried', () => {
  const set = setOf(
    { when: { flag: 'seen' }, stop: true },
    { when: { subject: 'quote' } },
    { when: { subject: 'quote' }, stop: true },
    { when: {} },
  );
  assert.deepEqual(
    set
      .explain(withoutFlags(sampleMail()))
      .map(({ matched, unsure, stopped_by: by }) => [matched, unsure, by]),
    [
      [false, true, null],
      [false, true, 'r0'],
      [false, true, 'r0'],
      [false, true, 'r0'],
    ],
  );
  assert.deepEqual(
    set.explain(sampleMail()).map(({ matched, stopped_by: by }) => [matched, by]),
    [
      [false, null],
      [true, null],
      [true, null],
      [false, 'r2'],
    ],
  );
});

function randomRules(pick: <T>(items: readonly T[]) => T): Written[] {
  const condition = (depth: number): Condition => {
    const kinds: (() => Condition)[] = [
      () => ({ from: pick(['x.example', 'a@x.example', '!y.example', '*.x.example']) }),
      () => ({ subject: pick(['quote', '/off(er)?/i', '!lunch', '*12']) }),
      () => ({ flag: pick(['seen', 'flagged', '!seen', ['seen', 'flagged']]) }),
      () => ({ flag: pick(['seen', '!flagged']), subject: pick(['quote', 'lunch']) }),
      () => ({ text: pick(['pumps', '!pumps', '/pu+mps?/', ['offer', '!three']]) }),
      () => ({ trust: pick(['verified', '!verified', ['asserted', '!lookalike']]) }),
      () => ({ thread: pick(['new', 'reply'] as const) }),
      () => ({ attachment: pick([true, false]) }),
      () => ({ trust: pick(['verified', 'asserted'] as const) }),
      () => ({ size: pick(['<1kB', '>1kB']) }),
    ];
    if (depth < 3) {
      const deeper = (): Condition => condition(depth + 1);
      kinds.push(
        () => ({ all: [deeper(), deeper()] }),
        () => ({ any: [deeper(), deeper()] }),
        () => ({ not: deeper() }),
        () => ({ not: { any: [deeper(), deeper()] } }),
      );
    }
    return pick(kinds)();
  };
  return Array.from({ length: 6 }, () => ({ when: condition(0), stop: pick([true, false, false, false]) }));
}

const SIGNED = { 'dkim-signature': ['v=1; a=rsa-sha256; d=x.example; s=s; h=from; bh=x; b=x'] };

function randomMail(pick: <T>(items: readonly T[]) => T): RuleInput {
  return sampleMail({
    from: pick(['a@x.example', 'b@m.x.example', 'c@y.example', null]),
    subject: pick(['quote 12', 'Offer', 'lunch', 'quote for lunch']),
    flags: pick([[], ['\\Seen'], ['\\Flagged'], ['\\Seen', '\\Flagged']]),
    isReply: pick([true, false]),
    trust: pick(['asserted', 'unverified'] as const),
    trustFlags: pick([[], ['lookalike']]),
    text: pick(['three pumps', 'an offer']),
    headers: pick([{}, SIGNED]),
    size: pick([500, 5000]),
    parts: pick([[{}], [{}, attached('application/pdf', 'a.pdf', 9)]]),
  });
}
