// docs/post.md against the contracts: the event that it shows, and every key of a destination.
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { postedEvent } from '../../src/contracts/mail-event.ts';
import { destination, destinationWords } from '../../src/contracts/rule.ts';
import { blocksOf, pageText } from './blocks.ts';

it('the event of docs/post.md is one that Postern would send', () => {
  const [block] = blocksOf('docs/post.md').filter(({ language }) => language === 'json');
  const event: unknown = JSON.parse(block?.text ?? '');
  assert.deepEqual(postedEvent.parse(event), event);
});

it('docs/post.md has every key of a destination, with its default', () => {
  const page = pageText('docs/post.md');
  const defaults = destination.parse({ url: 'https://crm.example' }) as Record<string, unknown>;
  for (const word of destinationWords) {
    const [, shown] = new RegExp(`^\\| \`${word}\` \\|([^|]*)\\|`, 'm').exec(page) ?? [];
    assert.ok(shown !== undefined, `the key ${word} is not there`);
    const value = defaults[word];
    if (value === undefined || word === 'url' || Array.isArray(value)) continue;
    assert.equal(shown.trim(), `\`${value}\``, word);
  }
});
