import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { text as readAll } from 'node:stream/consumers';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { agentAnswer } from '../../src/contracts/session.ts';
import { findOrder, readPriceList } from './price-list.ts';
import type { Action, Event } from './quote-writer.ts';
import { answerTo } from './quote-writer.ts';

const items = readPriceList(new URL('prices.csv', import.meta.url));

describe('what a mail asks for', () => {
  const cases: [string, Record<string, number>][] = [
    ['20 Falcon desks and 5 chairs', { 'Falcon desk': 20, 'Heron chair': 5 }],
    ['3 x Lamp', { 'Kestrel lamp': 3 }],
    ['3x lamp, 2× Wren cabinet', { 'Kestrel lamp': 3, 'Wren cabinet': 2 }],
    ['Falcon desk: 20\nHeron chair x 5', { 'Falcon desk': 20, 'Heron chair': 5 }],
    ['Falcon desk 20, Heron chair 5', { 'Falcon desk': 20, 'Heron chair': 5 }],
    ['please quote 1,000 of your lovely office chairs.', { 'Heron chair': 1000 }],
    ['1.000 desks', { 'Falcon desk': 1000 }],
    ['twelve desk lamps plus 4 hours of assembly', { 'Kestrel lamp': 12, Assembly: 4 }],
    ['5 chairs for the office and 3 chairs for the hall', { 'Heron chair': 8 }],
    ['By 2026-11-30 we need 20 desks for 35 people', { 'Falcon desk': 20 }],
    ['how much is a chair?', { 'Heron chair': 1 }],
    ['We like chairs. We take 7 chairs.', { 'Heron chair': 7 }],
    ['0 desks, -3 lamps', { 'Falcon desk': 1, 'Kestrel lamp': 1 }],
    ['999999999 desks', { 'Falcon desk': 1 }],
    ['a deskful of cupboards', {}],
    ['', {}],
  ];
  for (const [text, expected] of cases) {
    it(`reads ${JSON.stringify(text)}`, () => {
      const found = Object.fromEntries(findOrder(text, items).map((line) => [line.item.name, line.quantity]));
      assert.deepEqual(found, expected);
    });
  }

  it('reads ten megabytes of hostile text in no time, and only the beginning of it', () => {
    const startedAt = performance.now();
    for (const piece of ['9', '1,', 'desk ', '20 ', 'x ', '\n', '- ', 'and ']) {
      findOrder(piece.repeat(10_000_000 / piece.length), items);
    }
    assert.ok(performance.now() - startedAt < 2000);
    assert.deepEqual(findOrder(`${' '.repeat(20_000)}5 chairs`, items), []);
  });
});

describe('the answer', () => {
  it('is a quote with quantities, unit prices, total and validity, as text and as HTML', () => {
    const { actions } = answerTo(event({ reply_text: '20 Falcon desks and 5 chairs' }), items);
    const reply = replyOf(actions);
    assert.match(reply.text, /^Dear Paula Prospect,\n/);
    assert.match(reply.text, /20 pieces {2}Falcon desk {2}@ €420\.00 +€8,400\.00\n/);
    assert.match(reply.text, /5 pieces {2}Heron chair {2}@ €189\.50 +€947\.50\n/);
    assert.match(reply.text, /Total +€9,347\.50\n/);
    assert.match(reply.text, /valid until 20 December 2026/);
    assert.match(reply.html, /<td[^>]*>Falcon desk<\/td><td[^>]*>€420\.00<\/td><td[^>]*>€8,400\.00<\/td>/);
    assert.deepEqual(actions[1], {
      type: 'done',
      summary: 'Quoted 20 × Falcon desk, 5 × Heron chair: €9,347.50.',
    });
    assert.ok(agentAnswer.safeParse({ actions }).success, 'the gateway takes this answer');
  });

  it('asks a person when nothing in the mail is on the price list', () => {
    const { actions } = answerTo(event({ reply_text: 'Do you sell sofas?' }), items);
    assert.equal(actions.length, 1);
    assert.match(actions[0]?.type === 'ask' ? actions[0].question : '', /nothing in the mail.*sofas/s);
    assert.ok(agentAnswer.safeParse({ actions }).success);
  });

  it('reads the subject when the body says nothing', () => {
    const { actions } = answerTo(event({ reply_text: 'see above', subject: 'Quote: 4 lamps' }), items);
    assert.match(replyOf(actions).text, /4 pieces {2}Kestrel lamp/);
  });

  it('takes nothing from what the mail only quotes', () => {
    const { actions } = answerTo(
      event({
        reply_text: 'And do you sell sofas?',
        text: 'And do you sell sofas?\n> 20 pieces Falcon desk',
      }),
      items,
    );
    assert.deepEqual(
      actions.map((action) => action.type),
      ['ask'],
    );
  });

  it('says so when the mail does not tell how many', () => {
    const { actions } = answerTo(event({ reply_text: 'What does a lamp cost?' }), items);
    assert.match(replyOf(actions).text, /did not say how many you need of Kestrel lamp/);
  });

  it('takes a discount from feedback, within bounds, and otherwise writes nothing', () => {
    const rejected = (feedback: string) =>
      answerTo(event({ reply_text: '10 desks' }, { type: 'draft.rejected', feedback }), items).actions;
    assert.match(
      replyOf(rejected('give them 5 % off')).text,
      /Discount 5 % +-€210\.00\n.*Total +€3,990\.00\n/s,
    );
    for (const feedback of ['too expensive', '99 % off', '1000%', '-5%', '']) {
      assert.deepEqual(
        rejected(feedback).map((action) => action.type),
        ['done'],
        feedback,
      );
    }
  });

  it('uses the answer of a person, as an order or as the words to send', () => {
    const answered = (feedback: string) =>
      answerTo(event({ reply_text: 'sofas?' }, { type: 'question.answered', feedback }), items).actions;
    assert.match(replyOf(answered('10 Falcon desks')).text, /10 pieces {2}Falcon desk/);
    const words = replyOf(answered('We have no sofas,\nsorry <for now>.'));
    assert.match(words.text, /Dear Paula Prospect,\n\nWe have no sofas,\nsorry <for now>\.\n\nKind regards/);
    assert.match(words.html, /sorry &lt;for now&gt;\./);
  });

  it('never repeats a display name that is not a plain name', () => {
    for (const name of [
      '<img src=x>',
      'Click https://evil.example',
      'a'.repeat(61),
      'A\r\nBcc: x',
      '',
      ' ',
      '5',
    ]) {
      const { actions } = answerTo(
        event({ reply_text: '1 desk', from: { name, address: 'x@y.example' } }),
        items,
      );
      assert.match(replyOf(actions).text, /^Hello,\n/, JSON.stringify(name));
      assert.match(replyOf(actions).html, /^<p>Hello,<\/p>/);
    }
  });

  it('comes over stdin and stdout when the agent runs as a command, in any folder', async () => {
    const agent = spawn(process.execPath, [fileURLToPath(new URL('quote-writer.ts', import.meta.url))], {
      cwd: fileURLToPath(new URL('../..', import.meta.url)),
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    agent.stdin.end(JSON.stringify(event({ reply_text: '2 lamps' })));
    const answer = JSON.parse(await readAll(agent.stdout));
    assert.match(replyOf(agentAnswer.parse(answer).actions as Action[]).text, /2 pieces {2}Kestrel lamp/);
  });
});

function event(
  message: Partial<Event['data']['message']>,
  rest: { type?: Event['type']; feedback?: string } = {},
): Event {
  const { type = 'message.received', ...data } = rest;
  return {
    type,
    timestamp: '2026-11-20T15:00:00.000Z',
    data: {
      account: { address: 'sales@company.example' },
      message: {
        from: { name: 'Paula Prospect', address: 'customer@prospect.example' },
        subject: 'A quote, please',
        text: message.reply_text ?? '',
        reply_text: '',
        ...message,
      },
      ...data,
    },
  };
}

function replyOf(actions: Action[]): Extract<Action, { type: 'reply' }> {
  const reply = actions.find((action) => action.type === 'reply');
  assert.ok(reply, `no reply in ${JSON.stringify(actions)}`);
  return reply;
}
