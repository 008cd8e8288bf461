import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { PosternError } from '../kernel/errors.ts';
import { readCsv } from './csv.ts';
import { recipientsOf } from './recipients.ts';

describe('a list as a spreadsheet writes it', () => {
  it('is read with commas, semicolons or tabs, quotes and a byte order mark', () => {
    const expected = [
      { address: 'anna@example.org', name: 'Anna "A" Muster', city: 'Zürich, CH' },
      { address: 'ben@example.org', name: '', city: 'Two\nlines' },
    ];
    for (const separator of [',', ';', '\t']) {
      const rows = [
        ['Address', 'name', 'city'],
        ['anna@example.org', '"Anna ""A"" Muster"', '"Zürich, CH"'],
        ['ben@example.org', '', '"Two\nlines"'],
      ];
      const text = `\ufeff${rows.map((row) => row.join(separator)).join('\r\n')}\r\n\r\n`;
      assert.deepEqual(readCsv(text), expected);
    }
  });

  it('may lack cells at the end, and has none too many', () => {
    assert.deepEqual(readCsv('address,name\na@b.example'), [{ address: 'a@b.example', name: '' }]);
    assert.throws(() => readCsv('address\na@b.example,x'), /line 2 has 2 cells/);
    assert.throws(() => readCsv('address\n"a@b.example'), /line 2 opens a quote/);
  });
});

describe('recipients', () => {
  it('are each one once, with what the template gets of them', async () => {
    const recipients = await recipientsOf([
      'Anna <anna@example.org>',
      { address: 'ANNA@Example.org', name: 'Somebody' },
      { email: 'ben@example.org', name: 'Ben', language: 'de-CH', city: 'Bern' },
    ]);
    assert.deepEqual(recipients, [
      { address: 'anna@example.org', name: 'Anna', language: null, fields: {} },
      { address: 'ben@example.org', name: 'Ben', language: 'de-CH', fields: { city: 'Bern' } },
    ]);
  });

  it('that are wrong are told, and nobody is left out in silence', async () => {
    for (const [row, says] of [
      ['a@b.example, c@d.example', /1: /],
      [{ name: 'x' }, /1: There is no `address`/],
      [{ address: 'a@b.example', language: 'english!' }, /language/],
      [{ address: 'a@b.example', 'First Name': 'x' }, /column "First Name"/],
      ['a@b.example\r\nBcc: c@d.example', /1: /],
    ] as const)
      await assert.rejects(
        recipientsOf([row]),
        (error) => error instanceof PosternError && says.test(error.message),
      );
  });

  it('that are thousands leave others their turn', async () => {
    const rows = Array.from({ length: 20_000 }, (_, i) => `p${i}@example.org`);
    let turns = 0;
    let isRead = false;
    const count = () => {
      turns++;
      if (!isRead) setImmediate(count);
    };
    setImmediate(count);
    assert.equal((await recipientsOf(rows)).length, rows.length);
    isRead = true;
    assert.ok(turns >= 19, `${turns} turns`);
  });
});
