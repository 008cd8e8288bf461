// A style whose hash is not in the policy would not be shown, and a title of others must not become HTML.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { it } from 'node:test';
import { noFilePage } from './download-page.ts';
import { escaped, PAGE_POLICY, strangerPage } from './stranger-page.ts';

it('the policy of the page lets its style be shown, and nothing else', () => {
  for (const html of [strangerPage('en', 'Title', '<p>Text</p>'), noFilePage('de-CH,de')]) {
    const style = /<style>([^<]*)<\/style>/.exec(html)?.[1] ?? '';
    const hash = createHash('sha256').update(style).digest('base64');
    assert.ok(style !== '' && PAGE_POLICY.includes(`style-src 'sha256-${hash}'`));
    assert.match(PAGE_POLICY, /^default-src 'none';/);
    assert.doesNotMatch(html, /<script|<link|\bsrc=|\bhref=/);
  }
});

it('words of others are words on it', () => {
  const hostile = `<img src=x onerror="alert('1')">&`;
  assert.ok(!strangerPage('en', hostile, `<p>${escaped(hostile)}</p>`).includes('<img'));
});
