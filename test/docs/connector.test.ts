// docs/connector.md names every operation with its effects and its command.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { it } from 'node:test';
import { operations } from '../../src/api/operations.ts';

const page = readFileSync(new URL('../../docs/connector.md', import.meta.url), 'utf8');
const rows = new Map(
  [...page.matchAll(/^\| `([\w.]+)` \| (\w+) \| .* \| `postern ([^`]+)` \|$/gm)].map(
    ([, name = '', effects, command]) => [name, `${effects}: ${command}`],
  ),
);
const ELSEWHERE = /^imap\.mailbox_source/; // docs/source.md

it('the table of the connector names every operation, and no other', () => {
  const known = operations.filter(({ name }) => /^(imap|query)\./.test(name) && !ELSEWHERE.test(name));
  assert.deepEqual(
    Object.fromEntries(rows),
    Object.fromEntries(known.map(({ name, effects, cli }) => [name, `${effects}: ${cli?.words.join(' ')}`])),
  );
});
