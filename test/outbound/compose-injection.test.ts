// No word of a draft becomes a header, a part or a line of SMTP: every string that a draft can hold is fed with line ends of
// every kind, and the mail is read by Python's email package. It is refused, or holds the headers that it should and no other.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { z } from 'zod';
import { type DraftContent, draftContent } from '../../src/contracts/draft.ts';
import { PosternError } from '../../src/kernel/errors.ts';
import { composeMail } from '../support/compose-whole.ts';
import { leavesOf, readMails } from '../support/read-mail.ts';
import { requireService } from '../support/services.ts';

const LINE_ENDS = [
  '\r\n',
  '\n',
  '\r',
  '\n\r',
  '\u2028',
  '\u2029',
  '\u0085',
  '\v',
  '\f',
  '\0',
  '\x1c',
  '\r\n ',
  '\r\n\t',
];
const HEADERS = new Set([
  ...['from', 'to', 'cc', 'reply-to', 'subject', 'message-id', 'in-reply-to', 'references', 'mime-version'],
  ...[
    'content-type',
    'content-transfer-encoding',
    'auto-submitted',
    'x-auto-response-suppress',
    'precedence',
  ],
  ...['list-unsubscribe', 'list-unsubscribe-post', 'list-id', 'content-language'],
]);
const person = (name: string) => ({ name, address: `${name.toLowerCase()}@example.com` });
const PNG =
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';

/** A draft with all that one can hold. */
const full: Required<DraftContent> = {
  from: person('Sales'),
  to: [person('Anna')],
  cc: [person('Bob')],
  bcc: [person('Carl')],
  reply_to: [person('Office')],
  subject: 'Subject',
  text: 'Text',
  html: '<p>Html <img src="cid:logo"></p>',
  attachments: [
    {
      ...{ object_id: 'obj_1', filename: 'logo.png', content_type: 'image/png', size: 1, sha256: 'x' },
      ...{ content_id: 'logo', disposition: 'inline' },
    },
  ],
  in_reply_to: '<a@example.com>',
  references: ['<a@example.com>'],
  message_id: '<m@example.com>',
  auto_submitted: null,
  calendar: {
    ...{
      method: 'REQUEST',
      uid: 'uid',
      sequence: 0,
      stamp: '2026-11-20T08:00:00Z',
      timezone: 'Europe/Zurich',
    },
    ...{
      start: '2026-11-24T09:00:00Z',
      end: '2026-11-24T10:00:00Z',
      summary: 'Sum',
      location: 'Loc',
      description: 'Des',
    },
    organizer: person('Sales'),
    attendees: [{ ...person('Anna'), status: 'NEEDS-ACTION', optional: false }],
  },
  list_unsubscribe: { https: 'https://example.org/u/1', mailto: 'leave@example.org' },
  list_id: 'news.example.org',
  precedence: 'bulk',
  envelope_from: 'bounce@example.org',
  links: [
    {
      ...{ link_id: 'l', url: 'https://example.org/d/1', filename: 'f', size: 1, expires_at: null },
      ...{ object_id: 'obj_2', content_type: 'image/png', sha256: 'x' },
    },
  ],
  language: 'de',
};

type Path = (string | number)[];

/** Where its strings are. */
function stringsIn(value: unknown, path: Path = []): Path[] {
  if (typeof value === 'string') return [path];
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) => stringsIn(inner, [...path, key]));
}

function withText<T>(value: T, [key, ...rest]: Path, change: (old: string) => string): T {
  if (key === undefined) return change(value as string) as T;
  const copy = (Array.isArray(value) ? [...value] : { ...value }) as Record<string | number, unknown>;
  copy[key] = withText(copy[key], rest, change);
  return copy as T;
}

const compose = (content: DraftContent) =>
  composeMail(
    content,
    content.attachments.map(({ filename, content_type, content_id }) => ({
      ...{ filename, contentType: content_type, bytes: Buffer.from(PNG, 'base64') },
      ...(content_id ? { contentId: content_id } : {}),
    })),
  );

test('no string of a draft becomes a header, a part or a command', {
  skip: requireService('python3'),
}, async () => {
  // A field that is added one day is fed as well, or this fails.
  assert.deepEqual(Object.keys(full).sort(), Object.keys(z.object(draftContent.shape).shape).sort());
  const fields = stringsIn(full);
  assert.ok(fields.length >= 40, String(fields.length));
  const made: { raw: Buffer; what: string; to: string[] }[] = [];
  let refused = 0;
  for (const path of fields) {
    for (const end of LINE_ENDS) {
      const evil = (old: string) =>
        `${old}${end}Bcc: x@y.example${end}X-Evil: 1${end}${end}.${end}RCPT TO:<x@y.example>`;
      const what = `${path.join('.')} with ${JSON.stringify(end)}`;
      try {
        const { raw, envelope } = await compose(withText(full, path, evil));
        made.push({ raw, what, to: envelope.to });
      } catch (error) {
        assert.ok(error instanceof PosternError, `${what}: ${error}`);
        refused++;
      }
    }
  }
  const plain = leavesOf((await readMails([(await compose(full)).raw]))[0]?.body ?? assert.fail()).length;
  const mails = await readMails(made.map(({ raw }) => raw));
  for (const [index, mail] of mails.entries()) {
    const { what, raw, to } = made[index] as (typeof made)[number];
    assert.deepEqual(
      mail.names.filter((name) => !HEADERS.has(name)),
      [],
      what,
    );
    assert.equal(new Set(mail.names).size, mail.names.length, what);
    assert.equal(leavesOf(mail.body).length, plain, what);
    assert.deepEqual(mail.body.defects, [], what);
    assert.deepEqual(to, ['anna@example.com', 'bob@example.com', 'carl@example.com'], what);
    assert.equal(/\r(?!\n)|(?<!\r)\n|\0/.test(raw.toString('latin1')), false, what);
    for (const { type, text } of leavesOf(mail.body))
      if (type === 'text/calendar') assert.equal(/^(?:Bcc|X-Evil|RCPT)/m.test(text ?? ''), false, what);
  }
  assert.ok(made.length > 100 && refused > 100, `${made.length} made, ${refused} refused`);
});
