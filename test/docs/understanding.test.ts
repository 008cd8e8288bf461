// docs/understanding.md names every way to hide text that is told, and the bounds that are in force.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { it } from 'node:test';
import { hiddenKind } from '../../src/contracts/mail.ts';
import { MAX_TNEF_OCTETS } from '../../src/mail/structure.ts';

const page = readFileSync(new URL('../../docs/understanding.md', import.meta.url), 'utf8');

it('docs/understanding.md names every kind of hidden text', () => {
  for (const kind of hiddenKind.options) assert.ok(page.includes(`\`${kind}\``), kind);
});

it('docs/understanding.md tells how large a winmail.dat may be', () => {
  assert.ok(page.includes(`up to ${MAX_TNEF_OCTETS / 1024 / 1024} MB as transferred`));
});
