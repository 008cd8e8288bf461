// What goes wrong between MAIL and 354, with the commands one by one and in one batch (PIPELINING): no content has left
// then. A mail is given up for the server's 5xx about it alone; whatever else happens, it is tried again.
import { setTimeout as pause } from 'node:timers/promises';
import { DROP, HANG, RESET, replyOf, type SmtpScript } from '../support/fake-smtp.ts';
import { type Expected, type FaultCase, failed, faultTable, IMPATIENT, queued, sent } from './fault-table.ts';

interface Fault {
  name: string;
  script: SmtpScript;
  first: Expected;
  more?: Partial<FaultCase>;
}

const lost = queued(
  /closed the connection|closed unexpectedly|did not answer|out of step|before it was asked/,
  'soon',
);

const FAULTS: readonly Fault[] = [
  { name: 'MAIL 451', script: { MAIL: '451 4.3.2 busy' }, first: queued(/451 4\.3\.2 busy/, 'minutes') },
  { name: 'MAIL 550', script: { MAIL: '550 5.7.1 not you' }, first: failed(/550 5\.7\.1 not you/) },
  {
    name: 'MAIL 550, and 503 for whom it is to',
    script: { MAIL: '550 5.7.1 not you', RCPT: '503 5.5.1 MAIL first' },
    first: failed(/550 5\.7\.1 not you/),
  },
  { name: 'MAIL 421', script: { MAIL: '421 4.3.2 bye' }, first: queued(/421 4\.3\.2 bye/, 'minutes') },
  {
    name: 'MAIL 530: it wants a sign-in, which says nothing of the mail',
    script: { MAIL: '530 5.7.0 authentication required' },
    first: queued(/530 5\.7\.0/, 'minutes'),
  },
  { name: 'MAIL 552 too large', script: { MAIL: '552 5.3.4 too large' }, first: failed(/552 5\.3\.4/) },
  { name: 'MAIL drop', script: { MAIL: DROP }, first: lost },
  { name: 'MAIL reset', script: { MAIL: RESET }, first: lost },
  { name: 'MAIL silence', script: { MAIL: HANG }, first: lost, more: { settings: IMPATIENT } },
  { name: 'MAIL an answer that is none', script: { MAIL: 'perhaps' }, first: queued(/perhaps/, 'soon') },
  {
    name: 'MAIL an answer that has no last line',
    script: { MAIL: ['250-go on', HANG] },
    first: lost,
    more: { settings: IMPATIENT },
  },
  {
    name: 'MAIL an answer without end',
    script: { MAIL: { flood: '250-more\r\n', bytes: 8_000_000 } },
    first: queued(/./, 'soon'),
  },
  {
    name: 'MAIL empty lines without end',
    script: { MAIL: { flood: '\r\n', bytes: 8_000_000 } },
    first: queued(/more than it was asked|closed/, 'soon'),
  },
  {
    name: 'MAIL 5yz and a drop in its middle',
    script: { MAIL: [{ raw: '550 5.7.1 n' }, DROP] },
    first: lost,
  },
  { name: 'MAIL slowly, byte by byte', script: { MAIL: { slow: '250 ok', everyMs: 20 } }, first: sent() },
  {
    name: 'RCPT 450: greylisted, and then it goes',
    script: { RCPT: ({ connection }) => (connection === 1 ? '450 4.2.0 greylisted' : undefined) },
    first: queued(/450 4\.2\.0 greylisted/, 'minutes'),
    more: { later: sent() },
  },
  { name: 'RCPT 550', script: { RCPT: '550 5.1.1 no such user' }, first: failed(/550 5\.1\.1/) },
  { name: 'RCPT 421', script: { RCPT: '421 4.4.2 bye' }, first: queued(/421/, 'minutes') },
  { name: 'RCPT 503', script: { RCPT: '503 5.5.1 order' }, first: queued(/503/, 'minutes') },
  {
    name: 'RCPT 552: the mailbox is full for good',
    script: { RCPT: '552 5.2.2 mailbox full' },
    first: failed(/552 5\.2\.2/),
  },
  {
    name: 'RCPT 552 without more, and nobody before: as it says',
    script: { RCPT: '552 exceeded storage allocation' },
    first: failed(/552 exceeded/),
  },
  {
    name: 'RCPT 550 that calls itself 4.2.1: the basic code counts',
    script: { RCPT: '550 4.2.1 mailbox busy' },
    first: failed(/550 4\.2\.1/),
  },
  {
    name: 'RCPT 450 that calls itself 5.1.1: the basic code counts',
    script: { RCPT: '450 5.1.1 no such user' },
    first: queued(/450 5\.1\.1/, 'minutes'),
  },
  {
    name: 'RCPT 550 and 250 in one answer',
    script: { RCPT: { raw: '550-5.1.1 no such user\r\n250 2.1.5 or is there\r\n' } },
    first: queued(/./, 'minutes'),
  },
  { name: 'RCPT drop', script: { RCPT: DROP }, first: lost },
  { name: 'RCPT silence', script: { RCPT: HANG }, first: lost, more: { settings: IMPATIENT } },
  {
    name: 'RCPT 550 without its line end, and a drop',
    script: { RCPT: [{ raw: '550 5.1.1 no' }, DROP] },
    first: lost,
  },
  {
    name: 'RCPT several lines',
    script: { RCPT: replyOf(550, ['5.1.1 no such user', '5.1.1 ask the postmaster']) },
    first: failed(/no such user.*ask the postmaster/),
  },
  {
    name: 'RCPT words that would break a line',
    script: { RCPT: { raw: '550 5.1.1 no\x1b[2J\x07 \x7fsuch\r\n' } },
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there
    first: failed(/^[^\x00-\x1f\x7f]+$/),
  },
  { name: 'DATA 451', script: { DATA: '451 4.3.0 later' }, first: queued(/451 4\.3\.0 later/, 'minutes') },
  { name: 'DATA 554', script: { DATA: '554 5.7.1 no' }, first: failed(/554 5\.7\.1 no/) },
  { name: 'DATA 421', script: { DATA: '421 4.3.2 bye' }, first: queued(/421/, 'minutes') },
  { name: 'DATA drop', script: { DATA: DROP }, first: lost },
  { name: 'DATA silence', script: { DATA: HANG }, first: lost, more: { settings: IMPATIENT } },
  { name: 'DATA 250 in place of 354', script: { DATA: '250 2.0.0 ok' }, first: lost },
  { name: 'DATA 354 and a drop', script: { DATA: ['354 go on', DROP] }, first: queued(/./, 'soon') },
  {
    name: 'DATA 354 and at once an answer to what was not sent',
    script: { DATA: { raw: '354 go on\r\n250 2.0.0 queued\r\n' } },
    first: lost,
  },
  {
    name: 'one answer too many behind MAIL',
    script: { MAIL: { raw: '250 2.1.0 ok\r\n250 2.1.0 ok once more\r\n' } },
    first: lost,
  },
  {
    name: 'an answer that comes before its command',
    script: { EHLO: { raw: '250 fake.example.net\r\n250 2.1.0 ok\r\n' } },
    first: lost,
  },
  {
    name: 'an answer that comes late, but comes',
    script: { RCPT: [{ after: () => pause(700) }, '250 2.1.5 ok'] },
    first: sent(),
    more: { settings: IMPATIENT },
  },
];

faultTable(
  'the envelope',
  [false, true].flatMap((pipelining) =>
    FAULTS.map(({ name, script, first, more }) => ({
      name: `${name}${pipelining ? ' (pipelined)' : ''}`,
      server: { script, extensions: pipelining ? ['PIPELINING'] : [] },
      first,
      ...more,
    })),
  ),
);
