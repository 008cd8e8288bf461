// docs/knowledge.md against the contracts: every key of the action and of a knowledge base with its default, and every field.
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { documentState, placementState } from '../../src/contracts/knowledge.ts';
import {
  DEFAULT_SINK_BODY,
  httpSinkWords,
  ingestOptions,
  ingestWords,
  knowledgeSink,
  sinkFields,
} from '../../src/contracts/knowledge-sink.ts';
import { pageText } from './blocks.ts';

const page = pageText('docs/knowledge.md');
const shownOf = (word: string): string => {
  const [, shown] = new RegExp(`^\\| \`${word}\` \\|([^|]*)\\|`, 'm').exec(page) ?? [];
  assert.ok(shown !== undefined, `the key ${word} is not there`);
  return shown.trim();
};

it('docs/knowledge.md has every key of the action, with its default', () => {
  const defaults = ingestOptions.parse({}) as Record<string, unknown>;
  for (const word of ingestWords) {
    const value = defaults[word];
    assert.equal(shownOf(word), `\`${Array.isArray(value) ? `[${value.join(', ')}]` : value}\``, word);
  }
});

it('docs/knowledge.md has every key of a knowledge base, with its default', () => {
  const sink = knowledgeSink.parse({ http: { url: 'https://kb.example' } });
  assert.ok('http' in sink);
  const defaults = sink.http as Record<string, unknown>;
  for (const word of httpSinkWords) {
    const shown = shownOf(word);
    const value = defaults[word];
    if (value === undefined || word === 'url' || word === 'body') continue;
    assert.equal(shown, `\`${value}\``, word);
  }
  const [, body = ''] = /By itself the body is `\{ (.*) \}`\./.exec(page) ?? [];
  const { metadata, ...rest } = DEFAULT_SINK_BODY;
  assert.equal(body, `${Object.keys(rest).join(', ')}, metadata: { ${Object.keys(metadata).join(', ')} }`);
});

it('docs/knowledge.md names every field and every state', () => {
  for (const word of [...sinkFields, ...documentState.options, ...placementState.options])
    assert.ok(page.includes(`\`${word}\``), word);
});
