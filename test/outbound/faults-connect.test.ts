// What goes wrong before the envelope: connecting, the greeting, EHLO, STARTTLS and the sign-in. Nothing of the mail has
// left then, so it is tried again, whatever was said.
import assert from 'node:assert/strict';
import { setTimeout as pause } from 'node:timers/promises';
import {
  DROP,
  type FakeSmtp,
  GARBAGE,
  HANG,
  RESET,
  type SmtpAct,
  type SmtpScript,
} from '../support/fake-smtp.ts';
import { type FaultCase, faultTable, IMPATIENT, queued, sent } from './fault-table.ts';

const AUTH = { extensions: ['AUTH PLAIN LOGIN'] };
const TLS = { security: 'starttls', ...AUTH } as const;
const STARTTLS = { require_tls: true };

/** On the first connection alone: the second is one of a good server. */
const once = (script: SmtpScript) => (connection: number) => (connection === 1 ? script : {});

/** It is tried again in half a minute, and then it arrives once. */
const passes = (
  name: string,
  script: SmtpScript,
  words: RegExp,
  more: Partial<FaultCase> = {},
): FaultCase => ({
  name,
  first: queued(words, 'soon'),
  later: { ...sent(), attempts: 2 },
  ...more,
  server: { ...more.server, script: once(script) },
});

const greeting = (name: string, act: SmtpAct, words: RegExp, more: Partial<FaultCase> = {}): FaultCase =>
  passes(`greeting: ${name}`, { greeting: act }, words, more);
const hello = (name: string, script: SmtpScript, words: RegExp, more: Partial<FaultCase> = {}): FaultCase =>
  passes(`EHLO: ${name}`, script, words, more);
const upgrade = (name: string, script: SmtpScript, words: RegExp, more: Partial<FaultCase> = {}): FaultCase =>
  passes(`STARTTLS: ${name}`, script, words, {
    server: TLS,
    settings: { ...STARTTLS, ...more.settings },
    also: saidNoPasswordAtFirst,
    ...more,
  });
const signIn = (name: string, act: SmtpAct, words: RegExp, more: Partial<FaultCase> = {}): FaultCase =>
  passes(`AUTH: ${name}`, { AUTH: act }, words, { server: AUTH, ...more });

/** The second connection signs in: before it, nobody may have. */
function saidNoPasswordAtFirst(server: FakeSmtp): void {
  const [, second = 0] = server.commands.flatMap((line, at) => (line.startsWith('EHLO') ? [at] : []));
  assert.ok(!server.commands.slice(0, second).some((line) => line.startsWith('AUTH')));
  for (const mail of server.taken) assert.equal(mail.secure, true);
}

faultTable('before the envelope', [
  greeting('421 too busy', '421 4.3.2 too busy', /too busy/),
  greeting('554 go away', '554 5.3.2 no mail here', /no mail here/),
  greeting('no SMTP at all', 'HTTP/1.1 400 Bad Request', /did not welcome us/),
  greeting('silence', HANG, /did not answer in time/, { settings: IMPATIENT }),
  greeting(
    'a byte now and then',
    { slow: `220 ${'x'.repeat(500)}`, everyMs: 100 },
    /did not answer in time/,
    {
      settings: IMPATIENT,
    },
  ),
  greeting('a drop before it', DROP, /closed the connection/),
  greeting('a reset before it', RESET, /closed the connection/),
  greeting('a drop behind it', ['220 hello', DROP], /closed the connection/),
  greeting('a line that never ends', { flood: '220 x', bytes: 4_000_000 }, /did not welcome us/),
  {
    name: 'greeting: several lines are one greeting',
    server: { script: { greeting: '220-hello\n220-this is\n220 fake.example.net' } },
    first: sent(),
  },
  {
    name: 'EHLO: unknown to a server that takes HELO',
    server: { script: { EHLO: '500 5.5.1 what?' } },
    first: sent(),
  },
  {
    name: 'STARTTLS: answers slipped in before the encryption are not believed',
    server: {
      ...TLS,
      script: { STARTTLS: { raw: '220 go\r\n250-fake\r\n250-SIZE 10\r\n250 AUTH PLAIN\r\n' } },
    },
    settings: STARTTLS,
    first: sent(),
    also: (server) => {
      assert.equal(server.taken[0]?.secure, true);
      assert.equal(server.commands.filter((line) => line.startsWith('EHLO')).length, 2);
    },
  },
  hello('421', { EHLO: '421 4.3.2 shutting down' }, /shutting down/),
  hello('refused, and HELO too', { EHLO: '502 5.5.1 no', HELO: '502 5.5.1 nor that' }, /nor that/),
  hello('a drop', { EHLO: DROP }, /closed the connection/),
  hello('silence', { EHLO: HANG }, /did not answer in time/, { settings: IMPATIENT }),
  hello('lines without end', { EHLO: { flood: '250-X-MORE\r\n', bytes: 4_000_000 } }, /did not welcome us/),
  hello('an answer that is none', { EHLO: 'what?', HELO: 'what?' }, /did not welcome us/),
  upgrade(
    'cut out of the answer',
    { EHLO: '250-fake\n250 AUTH PLAIN', STARTTLS: '502 5.5.1 no' },
    /STARTTLS/,
  ),
  upgrade('refused for now', { STARTTLS: '454 4.7.0 not now' }, /not now/),
  upgrade('EHLO refused, so that HELO would do without it', { EHLO: '502 5.5.1 no' }, /502 5\.5\.1 no/),
  upgrade('a drop behind 220', { STARTTLS: ['220 go', DROP] }, /closed the connection|TLS/),
  upgrade('no TLS behind 220', { STARTTLS: ['220 go', { after: () => pause(100) }, GARBAGE, HANG] }, /TLS/),
  upgrade('silence', { STARTTLS: HANG }, /did not answer in time/, {
    settings: { ...STARTTLS, ...IMPATIENT },
  }),
  signIn('535', '535 5.7.8 wrong', /refused the user name or the password/),
  signIn('454 for now', '454 4.7.0 temporary failure', /asks to come back later/),
  signIn('535 because of too many', '535 5.7.0 too many logins', /asks to come back later/),
  signIn('421', '421 4.7.0 too many connections', /too many connections/),
  signIn('a drop', DROP, /closed the connection/),
  signIn('silence', HANG, /did not answer in time/, { settings: IMPATIENT }),
  signIn('an answer that is none', 'perhaps', /AUTH|sign|welcome|closed/),
]);
