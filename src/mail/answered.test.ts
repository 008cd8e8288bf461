import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Address, MailMetadata } from '../contracts/mail.ts';
import { answerPeople, withMailQuoted } from './answered.ts';
import { attributionOf, forwardedHead } from './attribution.ts';
import { replyText } from './reply-text.ts';

const at = (...names: string[]): Address[] =>
  names.map((name) => ({ name: '', address: `${name}@example.com` }));
const head = (more: Partial<MailMetadata> = {}): MailMetadata =>
  ({
    ...{ from: at('ann')[0] as Address, reply_to: [], to: at('sales'), cc: [], headers: {} },
    ...{ date: Date.UTC(2026, 10, 20, 9, 5), subject: 'Offer', ...more },
  }) as MailMetadata;
const OWN = ['Sales@example.com'];
const named = ({ to, cc }: { to: Address[]; cc: Address[] }) =>
  [to, cc].map((list) => list.map(({ address }) => address.split('@')[0]).join(' '));

test('an answer goes to where the mail says that answers go', () => {
  assert.deepEqual(named(answerPeople(head(), OWN, false)), ['ann', '']);
  assert.deepEqual(named(answerPeople(head({ reply_to: at('office', 'desk') }), OWN, false)), [
    'office desk',
    '',
  ]);
  assert.deepEqual(named(answerPeople(head({ from: null }), OWN, false)), ['', '']);
});

test('an answer to all leaves oneself out, and nobody is named twice', () => {
  const mail = head({ to: at('sales', 'bob', 'ANN'), cc: at('carl', 'BOB', 'sales', 'dora', 'carl') });
  assert.deepEqual(named(answerPeople(mail, OWN, true)), ['ann bob', 'carl dora']);
});

test('what is added to a mail of one’s own goes to whom that went', () => {
  const mine = head({ from: at('sales')[0] as Address, to: at('bob'), cc: at('carl') });
  assert.deepEqual(named(answerPeople(mine, OWN, false)), ['bob', '']);
  assert.deepEqual(named(answerPeople(mine, OWN, true)), ['bob', 'carl']);
  const toMyself = head({ from: at('sales')[0] as Address, to: at('sales') });
  assert.deepEqual(named(answerPeople(toMyself, OWN, true)), ['sales', '']);
});

test('a list says where answers to all go', () => {
  const headers = { 'mail-followup-to': ['"The, List" <list@example.com>, sales@example.com'] };
  assert.deepEqual(named(answerPeople(head({ headers, cc: at('carl') }), OWN, true)), ['list', '']);
  assert.deepEqual(named(answerPeople(head({ headers }), OWN, false)), ['ann', '']);
});

test('the line above a quote is in the language of the mail, and is known again as one', () => {
  const mail = {
    from: { name: 'Änna $& Muster', address: 'ann@example.com' },
    date: Date.UTC(2026, 10, 20, 9, 5),
  };
  assert.equal(attributionOf(mail, 'de-CH'), 'Am 20. November 2026 um 09:05 UTC schrieb Änna $& Muster:');
  assert.equal(attributionOf(mail, 'und'), 'On Fri, 20 Nov 2026 09:05:00 GMT, Änna $& Muster wrote:');
  assert.equal(attributionOf({ ...mail, date: null }, 'fr'), 'Änna $& Muster a écrit :');
  assert.equal(attributionOf({ from: null, date: Number.NaN }), 'the sender wrote:');
  for (const language of [
    'en',
    'de',
    'fr',
    'it',
    'es',
    'pt',
    'nl',
    'sv',
    'da',
    'nb',
    'fi',
    'pl',
    'cs',
    'ru',
    'uk',
    'tr',
    'ja',
    'zh',
    'ko',
  ]) {
    const line = attributionOf(mail, language);
    assert.match(line, /2026/, language);
    const { text } = withMailQuoted({ text: 'OK.', html: null }, { text: 'Old words', html: null }, line);
    assert.equal(replyText(text).trim(), 'OK.', `${language}: ${line}`);
  }
});

test('HTML that is quoted runs, fetches and hides nothing', () => {
  const quoted = {
    text: 'Hi <b>',
    html: '<p onclick="x()">Hi<img src="https://t.example/p.gif"><script>1</script></p>',
  };
  const { html } = withMailQuoted({ text: 'OK', html: '<p>OK</p>' }, quoted, 'A <b> wrote:');
  assert.match(
    html ?? '',
    /^<p>OK<\/p>\n<p>A &lt;b&gt; wrote:<\/p>\n<blockquote type="cite" [^>]+>\n<p>Hi<\/p>\n<\/blockquote>\n$/,
  );
  assert.equal(withMailQuoted({ text: 'OK', html: null }, quoted, 'x').html, null);
  assert.equal(withMailQuoted({ text: 'OK', html: null }, { text: ' ', html: null }, 'x').text, 'OK');
});

test('the head of a forwarded mail is in its language', () => {
  const shown = (people: readonly Address[]) => people.map(({ address }) => address).join(' ');
  const { title, lines } = forwardedHead(head({ cc: at('carl') }), shown, 'es');
  assert.equal(title, '---------- Mensaje reenviado ----------');
  assert.deepEqual(
    lines.map(([name]) => name),
    ['De', 'Fecha', 'Asunto', 'Para', 'Cc'],
  );
  assert.equal(forwardedHead(head({ date: null }), shown).lines.length, 3);
});
