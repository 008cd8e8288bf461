// The language of what people write in mail, short and long.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { languageOf } from './language.ts';

describe('the language of a text', () => {
  const texts: Record<string, string[]> = {
    en: ['Thanks, please send me a quote for 40 chairs by Friday.', 'Hello, can you deliver next week?'],
    de: ['Guten Tag, bitte senden Sie mir ein Angebot für 40 Stühle bis Freitag.', 'Vielen Dank, passt so.'],
    fr: ["Bonjour, pouvez-vous m'envoyer un devis pour 40 chaises avant vendredi ?"],
    es: ['Buenos días, ¿podrían enviarme un presupuesto para 40 sillas?'],
    it: ['Buongiorno, potete inviarmi un preventivo per 40 sedie entro venerdì?'],
    pt: ['Bom dia, poderia enviar um orçamento para 40 cadeiras até sexta?'],
    nl: ['Goedemiddag, kunt u mij een offerte sturen voor 40 stoelen?'],
    ru: ['Добрый день, пришлите, пожалуйста, предложение на 40 стульев.', 'Спасибо большое'],
    uk: ['Добрий день, надішліть, будь ласка, пропозицію на 40 стільців.'],
    ja: ['お世話になっております。椅子40脚の見積もりをお願いします。', 'ありがとうございます'],
    zh: ['您好，请在周五之前发送40把椅子的报价。', '您好，請在週五之前發送40把椅子的報價。'],
    ko: ['안녕하세요, 의자 40개 견적을 보내주세요.', '감사합니다'],
    pl: ['Dzień dobry, proszę o przesłanie oferty na 40 krzeseł do piątku.'],
    tr: ['Merhaba, 40 sandalye için cuma gününe kadar teklif gönderir misiniz?'],
    ar: ['مرحبا، هل يمكنكم إرسال عرض سعر لأربعين كرسياً؟'],
    he: ['שלום, אפשר לקבל הצעת מחיר ל-40 כיסאות?'],
    el: ['Καλημέρα, μπορείτε να μου στείλετε προσφορά για 40 καρέκλες;'],
    hi: ['नमस्ते, कृपया 40 कुर्सियों का कोटेशन भेजें।'],
    vi: ['Xin chào, vui lòng gửi báo giá cho 40 chiếc ghế.'],
    und: [
      '',
      'ok',
      'Danke',
      '12345 67890',
      'ABC-123 XYZ-987',
      'https://example.org/a/bread/and/butter',
      '谢谢',
    ],
  };
  for (const [tag, list] of Object.entries(texts)) {
    for (const text of list) test(`${tag}: ${text}`, async () => assert.equal(await languageOf(text), tag));
  }

  test('what it quotes, and its links, do not count', async () => {
    const text = `Vielen Dank, das nehmen wir gerne so.\n${'> We can offer you thirty chairs at a very good price.\n'.repeat(20)}`;
    assert.equal(await languageOf(text), 'de');
    assert.equal(
      await languageOf(`Vielen Dank, das nehmen wir gerne. https://shop.example/the/best/chairs/in/town`),
      'de',
    );
  });

  test('is told soon, whatever the text', async () => {
    for (const piece of ['a', '@', ' ', '漢', '://', 'a b ', '\u0301', '\ud800']) {
      const start = performance.now();
      await languageOf(piece.repeat(1024 * 1024));
      assert.ok(performance.now() - start < 2000, piece);
    }
  });
});
