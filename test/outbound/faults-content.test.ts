// What goes wrong once content leaves. Only the server's answer to the whole of it settles what began; whatever else ends
// it leaves the outcome open, and then nothing is sent again by itself.
import assert from 'node:assert/strict';
import { setTimeout as pause } from 'node:timers/promises';
import { DROP, FIN, GARBAGE, HANG, RESET, replyOf, TAKE } from '../support/fake-smtp.ts';
import {
  anna,
  bert,
  type FaultCase,
  failed,
  faultTable,
  IMPATIENT,
  queued,
  sent,
  unknown,
} from './fault-table.ts';

const LARGE = 3_000_000; // more than sockets hold: the server says its word while content is still leaving
const TLS = { security: 'tls', extensions: ['AUTH PLAIN'] } as const;
const open = /ended before 127\.0\.0\.1 said whether it took the mail/;

faultTable('the content', [
  {
    name: 'a drop at its beginning',
    server: { script: { content: DROP } },
    textBytes: LARGE,
    first: unknown(open),
  },
  {
    name: 'a reset in its middle',
    server: { script: { content: RESET } },
    textBytes: LARGE,
    first: unknown(open),
  },
  {
    name: 'the server closes its side in the middle',
    server: { script: { content: FIN } },
    textBytes: LARGE,
    first: unknown(open),
  },
  {
    name: 'TLS breaks in the middle',
    server: { ...TLS, script: { content: [GARBAGE, HANG] } },
    textBytes: LARGE,
    first: unknown(open),
  },
  {
    name: '552 in the middle: too large',
    server: { script: { content: '552 5.3.4 too large' } },
    textBytes: LARGE,
    first: failed(/552 5\.3\.4 too large/),
    also: (server) => assert.equal(server.contents(), 0),
  },
  {
    name: '421 in the middle: it shuts down',
    server: { script: { content: '421 4.3.2 shutting down' } },
    textBytes: LARGE,
    first: queued(/421/, 'minutes'),
    also: (server) => assert.equal(server.contents(), 0),
  },
  {
    name: '250 in the middle, before there was anything to take',
    server: { script: { content: '250 2.0.0 queued' } },
    textBytes: LARGE,
    first: unknown(open),
  },
  {
    name: '451 behind it, and later it goes',
    server: { script: (connection) => (connection === 1 ? { end: '451 4.3.0 later' } : {}) },
    first: queued(/451 4\.3\.0 later/, 'minutes'),
    later: sent(),
  },
  { name: '554 behind it', server: { script: { end: '554 5.7.1 spam' } }, first: failed(/554 5\.7\.1 spam/) },
  {
    name: '550 that calls itself 4.7.1',
    server: { script: { end: '550 4.7.1 spam' } },
    first: failed(/550 4\.7\.1/),
  },
  { name: '421 behind it', server: { script: { end: '421 4.3.2 bye' } }, first: queued(/421/, 'minutes') },
  {
    name: '452 behind it: no room',
    server: { script: { end: '452 4.3.1 no room' } },
    first: queued(/452 4\.3\.1/, 'minutes'),
  },
  { name: 'a drop behind it, and it was not taken', server: { script: { end: DROP } }, first: unknown(open) },
  {
    name: 'a drop behind it, and it was taken',
    server: { script: { end: [TAKE, DROP] } },
    first: unknown(open, [[anna]]),
  },
  { name: 'a reset behind it', server: { script: { end: [TAKE, RESET] } }, first: unknown(open, [[anna]]) },
  {
    name: 'the server closes its side behind it',
    server: { script: { end: [TAKE, FIN] } },
    first: unknown(open, [[anna]]),
  },
  {
    name: 'TLS breaks behind it',
    server: { ...TLS, script: { end: [TAKE, GARBAGE, HANG] } },
    first: unknown(open, [[anna]]),
  },
  { name: '250 and then a drop', server: { script: { end: ['250 2.0.0 queued', DROP] } }, first: sent() },
  {
    name: '250 without its line end, and a drop',
    server: { script: { end: [TAKE, { raw: '250 2.0.0 que' }, DROP] } },
    first: unknown(open, [[anna]]),
  },
  {
    name: '554 without its line end, and a drop',
    server: { script: { end: [{ raw: '554 5.7.1 sp' }, DROP] } },
    first: unknown(open),
  },
  { name: 'an answer that is none', server: { script: { end: 'what?' } }, first: unknown(open) },
  { name: 'half a code', server: { script: { end: { raw: '25\r\n' } } }, first: unknown(open) },
  {
    name: 'a code of four digits',
    server: { script: { end: { raw: '2500 ok\r\n' } } },
    first: unknown(open),
  },
  { name: '354 once more', server: { script: { end: '354 go on' } }, first: unknown(open) },
  {
    name: '250 and 554 in one answer',
    server: { script: { end: [TAKE, { raw: '250-2.0.0 queued\r\n554 5.7.1 or not\r\n' }] } },
    first: unknown(open, [[anna]]),
  },
  {
    name: '554 and 550 in one answer',
    server: { script: { end: { raw: '554-5.7.1 spam\r\n550 5.7.1 or so\r\n' } } },
    first: unknown(open),
  },
  {
    name: 'an answer in several lines, with words for each recipient',
    server: { script: { end: replyOf(250, ['2.1.5 <anna> delivered', '2.1.5 <bert> queued']) } },
    to: [anna, bert],
    first: {
      state: 'sent',
      recipients: [
        ['sent', /anna> delivered.*bert> queued/s],
        ['sent', /^250/],
      ],
      taken: [[anna, bert]],
    },
  },
  {
    name: 'an answer for each recipient, as in LMTP: the first is that to the mail',
    server: { script: { end: [TAKE, { raw: '250 2.1.5 for anna\r\n550 5.2.2 not for bert\r\n' }] } },
    to: [anna, bert],
    first: {
      state: 'sent',
      recipients: [
        ['sent', /for anna/],
        ['sent', /for anna/],
      ],
      taken: [[anna, bert]],
    },
  },
  {
    name: 'an answer that comes byte by byte',
    server: { script: { end: { slow: '250 2.0.0 queued', everyMs: 30 } } },
    first: sent(),
  },
  {
    name: 'an answer long after timeout_ms: a server may think about a mail for ten minutes',
    server: { script: { end: [{ after: () => pause(2_500) }, '250 2.0.0 queued'] } },
    settings: IMPATIENT,
    first: sent(),
  },
  {
    name: 'none: a large mail that goes well',
    server: TLS,
    textBytes: LARGE,
    first: sent(),
  },
] satisfies FaultCase[]);
