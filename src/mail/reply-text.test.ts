import assert from 'node:assert/strict';
import { test } from 'node:test';
import { replyText } from './reply-text.ts';
import { answersAnother } from './thread.ts';

const quotes: [string, string][] = [
  ['German Gmail', 'Am Fr., 20. Nov. 2026 um 14:00 Uhr schrieb Sales <sales@example.org>:\n\n> alt'],
  ['German Thunderbird', 'Am 20.11.2026 um 14:00 schrieb Sales:\n> alt'],
  ['German Apple Mail', 'Sales <sales@example.org> schrieb am 20. November 2026 um 14:00:\n> alt'],
  ['German Outlook separator', '-----Ursprüngliche Nachricht-----\nVon: Sales\nalt'],
  ['Spanish Gmail', 'El vie, 20 nov 2026 a las 14:00, Sales (<sales@example.org>) escribió:\n\n> viejo'],
  ['Italian', 'Il giorno ven 20 nov 2026 alle ore 14:00 Sales <sales@example.org> ha scritto:\n> vecchio'],
  ['Dutch', 'Op vr 20 nov. 2026 om 14:00 schreef Sales <sales@example.org>:\n> oud'],
  ['Portuguese', 'Em sex., 20 de nov. de 2026 às 14:00, Sales <sales@example.org> escreveu:\n> velho'],
  ['Chinese', '在 2026年11月20日，14:00，Sales <sales@example.org> 写道：\n> 旧'],
  ['Chinese NetEase', '---- 回复的原邮件 ----\n| 发件人 | Sales |'],
  ['Japanese Outlook', '差出人: Sales\n送信日時: 2026年11月20日 14:00\n宛先: Anna\n件名: 見積もり\n\n古い'],
  ['Japanese separator', '----- 元のメッセージ -----\n古い'],
  ['Korean', '2026년 11월 20일 (금) 오후 2:00, Sales <sales@example.org>님이 작성:\n\n> 이전'],
  ['Outlook in bold', '*From:* Sales <sales@example.org>\n*Sent:* Friday\n*To:* Anna\n*Subject:* x\n\nold'],
  [
    'French Outlook',
    'De : Sales\nEnvoyé : vendredi 20 novembre 2026 14:00\nÀ : Anna\nObjet : Devis\n\nvieux',
  ],
  [
    'wrapped attribution',
    'On Friday, 20 November 2026 at 14:00,\nSales Department\n<sales@example.org>\nwrote:\n> old',
  ],
  ['a bare quote', '> old\n> older'],
];

for (const [name, quoted] of quotes) {
  test(`a reply above a quote (${name}) keeps only the new text`, () => {
    assert.equal(replyText(`New text.\n\nAnna\n\n${quoted}\n`), 'New text.\n\nAnna');
  });
}

test('answers between quoted lines are kept', () => {
  const text = 'On 20 Nov 2026, at 14:00, Sales <s@example.org> wrote:\n> One?\nYes.\n> Two?\nNo.';
  assert.equal(replyText(text), 'Yes.\nNo.');
});

test('a mail that only quotes has no new text', () => {
  assert.equal(replyText('> all of it\n> is old'), '');
});

test('a mail without a quote is left as it is', () => {
  const text = 'From: our warehouse we need 3 chairs.\nOn Monday at 9:00 he wrote a letter.\n\n- one\n- two';
  assert.equal(replyText(text), text);
});

test('a forwarded mail below its note is kept: it is what the note is about', () => {
  const text = 'Please handle.\n\n---------- Forwarded message ---------\nSubject: Order\n\nTwelve chairs.';
  assert.equal(replyText(text), text);
});

const OUTLOOK =
  'Von: Bob <bob@example.org>\nGesendet: Freitag, 20. November 2026 14:00\nAn: Anna\nBetreff: Tische\n\nZwölf.';

test('the first prefix of the subject tells whether Outlook quotes or forwards', () => {
  const text = `Bitte.\n\n${OUTLOOK}`;
  for (const subject of ['WG: Tische', 'FW: AW: Tische', '[extern] Fwd: Tische', '转发：桌子']) {
    assert.equal(replyText(text, { subject }), text, subject);
  }
  for (const subject of ['AW: Tische', 'AW: WG: Tische', 'Tische', 'WG Zürich']) {
    assert.equal(replyText(text, { subject }), 'Bitte.', subject);
  }
});

test('a mail that answers none holds no original: what is in it is its content', () => {
  const text = `Neue Anfrage:\n\n${OUTLOOK}`;
  assert.equal(replyText(text, { answers: false }), text);
});

test('what HTML says of a line counts where its words say nothing', () => {
  const text = 'Tak.\n\nFre kl. fjorten:\n\nGammelt.\n\nHer: nyt.';
  const quoted = replyText(text, { marks: [undefined, undefined, 'attribution', undefined, 'quoted'] });
  assert.equal(quoted, 'Tak.\n\nHer: nyt.');
  assert.equal(replyText(text, { marks: [undefined, undefined, 'original'] }), 'Tak.');
  assert.equal(replyText(text, { marks: [undefined, undefined, 'forwarded'] }), text);
});

test('where nothing else would remain, what is not marked as quoted is the reply', () => {
  assert.equal(replyText(OUTLOOK), OUTLOOK);
  assert.equal(replyText(`> alt\n\n-- \nAnna`), '-- \nAnna');
});

test('a mail answers another by its headers or by its subject', () => {
  const subject = 'Desks';
  assert.equal(answersAnother({ subject, in_reply_to: null, references: [] }), false);
  assert.equal(answersAnother({ subject, in_reply_to: '<1@example.org>', references: [] }), true);
  assert.equal(answersAnother({ subject, in_reply_to: null, references: ['<1@example.org>'] }), true);
  assert.equal(answersAnother({ subject: '答复: Desks', in_reply_to: null, references: [] }), true);
  assert.equal(answersAnother({}), true); // nothing is known of its head
});
