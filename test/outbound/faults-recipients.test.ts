// Several recipients of one mail: each has a fate of his own, whatever befalls the others or the connection.
import assert from 'node:assert/strict';
import { DROP, replyOf, type SmtpMoment } from '../support/fake-smtp.ts';
import { anna, bert, cleo, type FaultCase, faultTable } from './fault-table.ts';

const dora = 'dora@example.com';
const emil = 'emil@example.com';
const many = Array.from({ length: 100 }, (_, at) => `r${at}@example.com`);

/** The answer to RCPT for some; the others are taken. */
const only = (answers: Record<string, string>) => ({
  RCPT: ({ recipient }: SmtpMoment) => answers[recipient],
});
/** The same, and this recipient is taken from the second time on. */
function greylisting(answers: Record<string, string>, late: string) {
  let times = 0;
  return {
    RCPT: ({ recipient }: SmtpMoment) =>
      recipient === late && ++times === 1 ? '450 4.2.0 greylisted' : answers[recipient],
  };
}
/** The server takes two recipients of a mail and gives this answer to each more. */
const atMostTwo = (answer: string) => ({
  RCPT: ({ accepted, line }: SmtpMoment) => (accepted.length >= 2 && line !== '' ? answer : undefined),
});
const inTurns: Pick<FaultCase, 'to' | 'first'> = {
  to: [anna, bert, cleo, dora, emil],
  first: {
    state: 'sent',
    recipients: [anna, bert, cleo, dora, emil].map(() => ['sent', /^250/] as const),
    taken: [[anna, bert], [cleo, dora], [emil]],
    attempts: 3,
  },
};
const bothQueued = (wait: 'soon' | 'minutes'): FaultCase['first'] => ({
  state: 'queued',
  recipients: [
    ['queued', /./],
    ['queued', /./],
  ],
  wait,
  taken: [],
});

/** Anew for each table: some servers remember. */
const cases = (): readonly FaultCase[] => [
  {
    name: 'one is taken, one refused for good, one refused for now and taken later',
    server: {
      script: greylisting({ [bert]: '550 5.1.1 no such user' }, cleo),
    },
    to: [anna, bert, cleo],
    first: {
      state: 'queued',
      recipients: [
        ['sent', /^250/],
        ['failed', /550 5\.1\.1/],
        ['queued', /greylisted/],
      ],
      wait: 'minutes',
      taken: [[anna]],
    },
    later: {
      state: 'sent',
      recipients: [
        ['sent', /^250/],
        ['failed', /550 5\.1\.1/],
        ['sent', /^250/],
      ],
      taken: [[anna], [cleo]],
    },
  },
  {
    name: 'too many, 452: the rest follows at once',
    server: { script: atMostTwo('452 too many recipients') },
    ...inTurns,
  },
  { name: 'too many, 452 4.5.3', server: { script: atMostTwo('452 4.5.3 too many') }, ...inTurns },
  { name: 'too many, 552 as of old', server: { script: atMostTwo('552 too many recipients') }, ...inTurns },
  {
    name: 'a mailbox that is full for good',
    server: { script: only({ [bert]: '552 5.2.2 mailbox full' }) },
    to: [anna, bert],
    first: {
      state: 'sent',
      recipients: [
        ['sent', /^250/],
        ['failed', /552 5\.2\.2/],
      ],
      taken: [[anna]],
    },
  },
  {
    name: 'a mailbox that is full for now is no reason to hurry',
    server: { script: only({ [bert]: '452 4.2.2 over quota' }) },
    to: [anna, bert],
    first: {
      state: 'queued',
      recipients: [
        ['sent', /^250/],
        ['queued', /452 4\.2\.2/],
      ],
      wait: 'minutes',
      taken: [[anna]],
    },
  },
  {
    name: 'no room for anybody',
    server: { script: { RCPT: '452 4.3.1 insufficient storage' } },
    to: [anna, bert],
    first: bothQueued('minutes'),
  },
  {
    name: 'the server goes between the two: 421',
    server: { script: only({ [bert]: '421 4.3.2 bye' }) },
    to: [anna, bert],
    first: bothQueued('minutes'),
  },
  {
    name: 'a drop between the two',
    server: { script: { RCPT: ({ recipient }) => (recipient === bert ? DROP : undefined) } },
    to: [anna, bert],
    first: bothQueued('soon'),
  },
  {
    name: 'a refusal that is cut off refuses nobody',
    server: {
      script: { RCPT: ({ recipient }) => (recipient === bert ? [{ raw: '550 5.1.1 no' }, DROP] : undefined) },
    },
    to: [anna, bert],
    first: bothQueued('soon'),
  },
  {
    name: 'an answer that nobody asked for is not taken for that to the next recipient',
    server: {
      script: {
        RCPT: ({ recipient }) =>
          recipient === anna ? { raw: '250 2.1.5 ok\r\n550 5.1.1 no such user\r\n' } : undefined,
      },
    },
    to: [anna, bert],
    first: bothQueued('soon'),
  },
  {
    name: 'all are refused, one of them for now, and a server that asks for content all the same',
    server: {
      script: {
        ...only({ [anna]: '450 4.2.0 later', [bert]: '550 5.1.1 no such user' }),
        DATA: '354 go on',
        end: '554 5.5.1 nobody to send it to',
      },
    },
    to: [anna, bert],
    first: {
      state: 'queued',
      recipients: [
        ['queued', /450 4\.2\.0/],
        ['failed', /550 5\.1\.1/],
      ],
      wait: 'minutes',
      taken: [],
    },
  },
  {
    name: 'the content is refused, after one was refused for now',
    server: { script: { ...only({ [bert]: '450 4.2.0 later' }), end: '554 5.7.1 spam' } },
    to: [anna, bert],
    first: {
      state: 'queued',
      recipients: [
        ['failed', /554 5\.7\.1/],
        ['queued', /450 4\.2\.0/],
      ],
      wait: 'minutes',
      taken: [],
    },
  },
  {
    name: 'a drop behind the content leaves open only what happened to those whom it was for',
    server: {
      script: { ...only({ [bert]: '450 4.2.0 later', [cleo]: '550 5.1.1 no such user' }), end: DROP },
    },
    to: [anna, bert, cleo],
    first: {
      state: 'unknown',
      recipients: [
        ['unknown', /ended before/],
        ['queued', /450 4\.2\.0/],
        ['failed', /550 5\.1\.1/],
      ],
      taken: [],
    },
  },
  {
    name: 'a hundred, of whom every tenth is unknown there',
    server: { script: { RCPT: ({ recipient }) => (/^r\d*0@/.test(recipient) ? '550 5.1.1 no' : undefined) } },
    to: many,
    first: {
      state: 'sent',
      recipients: many.map((address) =>
        /^r\d*0@/.test(address) ? (['failed', /550 5\.1\.1/] as const) : (['sent', /^250/] as const),
      ),
      taken: [many.filter((address) => !/^r\d*0@/.test(address))],
    },
  },
  {
    name: 'long answers to each of a hundred are no flood',
    server: {
      script: {
        RCPT: replyOf(250, [
          '2.1.5 ok',
          ...Array.from({ length: 8 }, () => `2.1.5 ${'and more '.repeat(15)}`),
        ]),
      },
    },
    to: many,
    first: { state: 'sent', recipients: many.map(() => ['sent', /^250/] as const), taken: [many] },
  },
];

faultTable(
  'several recipients',
  [false, true].flatMap((pipelining) =>
    cases().map((each) => ({
      ...each,
      name: `${each.name}${pipelining ? ' (pipelined)' : ''}`,
      server: { ...each.server, extensions: pipelining ? ['PIPELINING'] : [] },
    })),
  ),
);

faultTable('the size that a server announces', [
  {
    name: 'is kept: nothing is said of a mail that is larger',
    server: { extensions: ['SIZE 100'] },
    first: { state: 'failed', recipients: [['failed', /larger than allowed 100/]], taken: [] },
    also: (server) => assert.ok(!server.commands.some((line) => line.startsWith('MAIL'))),
  },
  {
    name: 'of nothing is none',
    server: { extensions: ['SIZE 0'] },
    first: { state: 'sent', recipients: [['sent', /^250/]], taken: [[anna]] },
    also: (server) => assert.ok(server.commands.some((line) => /^MAIL FROM:<[^>]+> .*SIZE=\d+/.test(line))),
  },
]);
