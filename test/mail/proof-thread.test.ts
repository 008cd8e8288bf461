// The thread that checks signatures: mails in pieces, several at once, and one that would keep it busy for minutes.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { ProofThread } from '../../src/mail/trust/proof-thread.ts';
import { DnsRecords } from '../../src/network/dns-records.ts';
import { startDns, type TestDns } from '../support/dns-server.ts';
import { requireService } from '../support/services.ts';
import { rsaKey, signMails } from '../support/sign-mail.ts';

const key = rsaKey();
const mail = (subject: string, body: string): string =>
  `From: anna@example.org\r\nSubject: ${subject}\r\nMessage-ID: <${subject}@example.org>\r\n\r\n${body}`;
const sign = (raw: string) => ({ raw, domain: 'example.org', selector: 's1', key });

describe('the thread that checks signatures', { skip: requireService('dkimpy') }, () => {
  let dns: TestDns;
  let thread: ProofThread;
  let now = 0;
  before(async () => {
    dns = await startDns();
    dns.txt('s1._domainkey.example.org', key.record);
    const records = new DnsRecords({ clock: { now: () => now }, servers: [dns.address] });
    thread = new ProofThread((name, type) => records.lookup(name, type), { busyMs: 1_000 });
  });
  after(async () => {
    await thread.close();
    await dns.stop();
  });

  const check = async (raw: Buffer, pieceBytes: number) => {
    const proof = await thread.begin(Date.now());
    try {
      for (let at = 0; at < raw.length; at += pieceBytes)
        await proof.write(raw.subarray(at, at + pieceBytes));
      return await proof.end();
    } finally {
      proof.close();
    }
  };

  test('a mail is judged alike whatever the pieces in which it comes', async () => {
    const [raw = Buffer.alloc(0)] = await signMails([sign(mail('one', 'Good morning.\r\n'.repeat(20_000)))]);
    for (const pieceBytes of [1_000, 70_000, raw.length]) {
      const { signer, reason } = await check(raw, pieceBytes);
      assert.equal(signer, 'example.org', reason);
    }
  });

  test('several mails are checked beside each other, and do not mix', async () => {
    const raws = await signMails(
      ['a', 'b', 'c'].map((name) => sign(mail(name, `${name}\r\n`.repeat(5_000)))),
    );
    raws[1] = Buffer.from(raws[1]?.toString('latin1').replace('b\r\nb', 'b\r\nx') ?? '', 'latin1');
    const found = await Promise.all(raws.map((raw) => check(raw, 3_000)));
    assert.deepEqual(
      found.map(({ signer }) => signer),
      ['example.org', null, 'example.org'],
    );
  });

  test('a key is asked for once in five minutes, and one that is missing once a minute', async () => {
    const raws = await signMails([
      sign(mail('two', 'x\r\n')),
      { ...sign(mail('two', 'x\r\n')), selector: 's2' },
    ]);
    const asked = (name: string): number => dns.asked.filter((one) => one === `TXT ${name}`).length;
    const both = () => Promise.all(raws.map((raw) => check(raw, 1_000)));
    now += 6 * 60_000;
    const before = asked('s1._domainkey.example.org');
    await both();
    await both();
    assert.deepEqual(
      [asked('s1._domainkey.example.org') - before, asked('s2._domainkey.example.org')],
      [1, 1],
    );
    now += 61_000;
    await both();
    assert.deepEqual(
      [asked('s1._domainkey.example.org') - before, asked('s2._domainkey.example.org')],
      [1, 2],
    );
  });

  test('a mail that keeps the thread busy is given up, and the next one is judged', async () => {
    const [good = Buffer.alloc(0)] = await signMails([sign(mail('three', 'x\r\n'))]);
    // A header block of line ends that are none: the expression that trims it takes time in its square.
    const hostile = Buffer.from(`From: a@example.org\r\nX: ${'\r'.repeat(900_000)}x\r\n\r\nx\r\n`);
    await assert.rejects(check(hostile, 60_000), { code: 'mail_too_complex' });
    assert.equal((await check(good, 1_000)).signer, 'example.org');
  });

  test('a mail whose reading breaks off leaves nothing behind', async () => {
    const proof = await thread.begin(Date.now());
    await proof.write(Buffer.from('From: a@example.org\r\n'));
    proof.close();
    await assert.rejects(proof.end(), { code: 'parser_stopped' });
  });
});
