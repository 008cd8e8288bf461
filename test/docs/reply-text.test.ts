// docs/reply-text.md: its example is what reply text is made of.
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { replyText } from '../../src/mail/reply-text.ts';
import { blocksOf } from './blocks.ts';

it('the example of docs/reply-text.md is what Postern makes of it', () => {
  const blocks = blocksOf('docs/reply-text.md');
  const textOf = (name: string): string => blocks.find(({ language }) => language === name)?.text ?? '';
  assert.notEqual(textOf('reply'), '');
  assert.equal(replyText(textOf('mail')), textOf('reply').trimEnd());
});
