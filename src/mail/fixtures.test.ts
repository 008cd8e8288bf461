// Every fixture, read from its raw bytes and read as over IMAP: both must say what is expected, and the same.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { after, describe, test } from 'node:test';
import { expected } from '../../test/fixtures/expected.ts';
import { headerOf, readRawHeaders } from './headers.ts';
import { kindOf } from './kind.ts';
import { metadataOf } from './metadata.ts';
import { readParameters } from './parameters.ts';
import { closeParser, decodeBodies, parseMail } from './parse.ts';
import { readPartsOf, type StructureNode } from './structure.ts';
import { threadReferences } from './thread.ts';
import { trustOf } from './trust.ts';

const FOLDER = new URL('../../test/fixtures/', import.meta.url);
const OWN = { addresses: ['sales@example.org'], isOwnMessageId: () => false };
const fixture = (name: string): Buffer => readFileSync(new URL(`${name}.eml`, FOLDER));
const names = readdirSync(FOLDER)
  .filter((file) => file.endsWith('.eml'))
  .map((file) => file.slice(0, -4));

after(closeParser);

test('every fixture has an expectation and every expectation a fixture', () => {
  assert.deepEqual(names, Object.keys(expected).sort());
  assert.ok(names.length >= 45);
});

describe('a fixture says what is expected', () => {
  for (const [name, want] of Object.entries(expected)) {
    test(name, async () => {
      const { metadata, content, attachments } = await parseMail(fixture(name));
      assert.equal(metadata.subject, want.subject);
      assert.equal(metadata.from?.address ?? null, want.from);
      if (want.name !== undefined) assert.equal(metadata.from?.name, want.name);
      assert.equal(metadata.message_id, want.message_id);
      assert.equal(kindOf(metadata, OWN).kind, want.kind ?? 'personal');
      assert.equal(content.text, want.text);
      assert.equal(content.reply_text, (want.reply ?? want.text).trim());
      for (const word of want.without ?? []) assert.ok(!content.text.includes(word), word);
      assert.equal(content.html !== null, want.html ?? false);
      assert.deepEqual(
        attachments.map((a) => [a.filename, a.content_type, a.size, a.inline]),
        (want.attachments ?? []).map(([file, type, size, inline]) => [file, type, size, inline ?? false]),
      );
      for (const { content: octets, size, sha256 } of attachments) {
        assert.equal(octets?.length, size);
        assert.match(sha256, /^[0-9a-f]{64}$/);
      }
      assert.equal(metadata.size, fixture(name).length);
    });
  }
});

describe('a fixture reads the same part by part over IMAP', () => {
  // A multipart without a boundary has no parts over IMAP: servers show it empty, the raw mail is read as text.
  for (const name of names.filter((fixtureName) => fixtureName !== '34-missing-boundary')) {
    test(name, async () => {
      const raw = fixture(name);
      const sections = new Map<string, Buffer>();
      const bodyStructure = structureOf(raw, '', 0, sections);
      const metadata = metadataOf({ headers: raw, bodyStructure, size: raw.length });
      const whole = await parseMail(raw);
      assert.deepEqual(metadata, whole.metadata);
      const parts = readPartsOf(metadata.parts).map((part) => ({
        part,
        bytes: sections.get(part.path) ?? Buffer.alloc(0),
        truncated: false,
      }));
      assert.deepEqual(await decodeBodies(parts, metadata), whole.content);
    });
  }
});

describe('what a fixture holds besides', () => {
  const read = async (name: string) => (await parseMail(fixture(name))).metadata;

  test('an invitation says what it asks, and stays an attachment', async () => {
    const { content, attachments } = await parseMail(fixture('15-calendar-invitation'));
    assert.equal(content.invitation?.method, 'REQUEST');
    assert.ok(content.invitation?.uid);
    assert.ok(attachments.some(({ content_type }) => content_type === 'text/calendar'));
  });

  test('300 recipients keep their names with commas', async () => {
    const { to } = await read('13-300-recipients');
    assert.equal(to.length, 300);
    assert.deepEqual(to[299], { name: 'Person, Number 300', address: 'p300@crowd.example' });
  });

  test('groups are flattened to their members, empty ones vanish', async () => {
    const { to, cc } = await read('40-group-addresses');
    assert.deepEqual(to, [
      { name: 'Bob', address: 'bob@example.org' },
      { name: 'Carl, C.', address: 'carl@example.org' },
      { name: '', address: 'dora@example.org' },
    ]);
    assert.deepEqual(cc, []);
  });

  test('an encoded name never turns into an address', async () => {
    const { to } = await read('44-encoded-names');
    assert.deepEqual(to, [
      { name: 'André', address: 'andre@example.org' },
      { name: '"Evil" <boss@example.org>', address: 'eve@prospect.example' },
    ]);
  });

  test('UTF-8 addresses stand as they are', async () => {
    assert.deepEqual((await read('42-smtputf8')).to, [{ name: '', address: 'jürg@müller.example' }]);
  });

  test('a quoted local part keeps its quotes', async () => {
    const { to, date } = await read('70-comments-in-addresses');
    assert.deepEqual(to, [{ name: 'john "doe"', address: '"john doe"@example.org' }]);
    assert.equal(date, Date.UTC(2026, 10, 20, 15));
  });

  test('all From headers stay visible, and the mail is not trusted', async () => {
    const metadata = await read('38-several-from');
    assert.equal(metadata.headers.from?.length, 2);
    assert.match(trustOf(metadata, 'mx.example.org').reason, /several From/);
  });

  test('dates are read, and missing or bad ones are null', async () => {
    assert.equal((await read('01-plain')).date, Date.UTC(2026, 10, 20, 14));
    assert.equal((await read('78-obsolete-syntax')).date, Date.UTC(2026, 10, 20, 14));
    assert.equal((await read('47-no-date')).date, null);
    assert.equal((await read('48-bad-date')).date, null);
  });

  test('of huge References the newest count', async () => {
    const metadata = await read('49-huge-references');
    assert.equal(metadata.references.length, 200);
    assert.equal(metadata.references.at(-1), '<ref250@prospect.example>');
    const nearest = threadReferences(metadata);
    assert.equal(nearest.length, 50);
    assert.deepEqual(nearest.slice(0, 2), ['<ref250@prospect.example>', '<ref249@prospect.example>']);
  });

  test('NUL reaches no header', async () => {
    assert.deepEqual((await read('58-header-with-nul')).headers['x-odd'], ['ab']);
  });

  test('headers named like parts of objects are headers', async () => {
    const { headers } = await read('74-prototype-header');
    assert.equal(headerOf(headers, '__proto__'), 'polluted');
    assert.equal(headerOf(headers, 'constructor'), 'too');
    assert.equal(headerOf(headers, 'hasOwnProperty'), undefined);
    assert.equal(Object.getPrototypeOf(headers), null);
  });

  test('a line that is no header does not hide the next one', async () => {
    assert.deepEqual((await read('78-obsolete-syntax')).headers['x-after'], ['seen']);
  });

  test('only the topmost result of the named server counts', async () => {
    const authenticated = trustOf(await read('79-authenticated'), 'mx.example.org');
    assert.deepEqual(
      [authenticated.level, authenticated.dkim, authenticated.spf, authenticated.dmarc],
      ['asserted', 'pass', 'pass', 'pass'],
    );
    assert.equal(trustOf(await read('79-authenticated'), 'mx.other.example').level, 'unverified');
    assert.equal(trustOf(await read('79-authenticated'), null).level, 'unverified');
    assert.equal(trustOf(await read('80-forged-authentication'), 'mx.example.org').level, 'unverified');
  });
});

/**
 * BODYSTRUCTURE as an IMAP server would give it, and the octets of every section: written apart from what it tests,
 * simple, and good for the fixtures only.
 */
function structureOf(
  raw: Buffer,
  path: string,
  depth: number,
  sections: Map<string, Buffer>,
  inDigest = false,
): StructureNode {
  const text = raw.toString('latin1');
  const gap = /^\r?\n|\r?\n\r?\n/.exec(text);
  const bodyAt = gap ? gap.index + gap[0].length : text.length;
  const header = (name: string): string => readRawHeaders(raw).find((h) => h.name === name)?.value ?? '';
  const type = readParameters(header('content-type'));
  const disposition = readParameters(header('content-disposition'));
  const boundary = type.params.get('boundary');
  const kind = type.value || (inDigest ? 'message/rfc822' : 'text/plain');
  if (kind.startsWith('multipart/') && boundary !== undefined && depth < 10) {
    const children = split(text.slice(bodyAt), boundary).map((child, index) => {
      const childPath = path === '' ? `${index + 1}` : `${path}.${index + 1}`;
      return structureOf(
        Buffer.from(child, 'latin1'),
        childPath,
        depth + 1,
        sections,
        kind === 'multipart/digest',
      );
    });
    return { type: kind, childNodes: children };
  }
  const body = Buffer.from(text.slice(bodyAt), 'latin1');
  sections.set(path || '1', body);
  return {
    ...(path === '' ? {} : { part: path }),
    type: kind,
    parameters: Object.fromEntries(type.params),
    id: header('content-id'),
    encoding: header('content-transfer-encoding').toLowerCase(),
    size: body.length,
    disposition: disposition.value,
    dispositionParameters: Object.fromEntries(disposition.params),
  };
}

function split(body: string, boundary: string): string[] {
  const parts: string[] = [];
  let current: string[] | undefined;
  for (const line of body.split(/(?<=\n)/)) {
    const bare = line.replace(/\r?\n$/, '');
    if (bare === `--${boundary}` || bare === `--${boundary}--`) {
      if (current) parts.push(current.join('').replace(/\r?\n$/, ''));
      current = bare.endsWith('--') && bare !== `--${boundary}` ? undefined : [];
      if (current === undefined) break;
    } else current?.push(line);
  }
  if (current) parts.push(current.join(''));
  return parts;
}
