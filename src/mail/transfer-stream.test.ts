import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { describe, it } from 'node:test';
import { decodeTransfer } from './transfer.ts';
import { decodeTransferStream } from './transfer-stream.ts';

const binary = randomBytes(5_000);
const wrapped = binary.toString('base64').replace(/.{76}/g, '$&\r\n');
const SOURCES: [encoding: string, source: string][] = [
  ['base64', wrapped],
  ['base64', binary.toString('base64url')],
  ['base64', `${wrapped}\r\n-- \r\nnot base64 at all!`],
  ['base64', 'QUJD RA==\r\nRUY=\r\nR0hJ'], // two parts that were joined
  ['base64', 'QUJD=Q=QU=QUI=='],
  ['base64', '====\r\n=QUJD'],
  ['base64', 'QUJDR'], // cut off
  ['base64', ''],
  ['quoted-printable', 'Gr=C3=BC=C3=9Fe =\r\nund = Gru=DF =3 == =\r\n=  \r\n=\t\nend=3D'],
  ['quoted-printable', '=  =41\r\n=\r=41=\n=4'],
  ['quoted-printable', 'ends in a break='],
  ['8bit', 'Grüße\r\n'],
  ['x-uuencode', 'begin 644 a'],
];

async function decoded(source: Buffer, encoding: string, size: number): Promise<Buffer> {
  async function* pieces(): AsyncGenerator<Buffer> {
    for (let at = 0; at < source.length; at += size) yield Buffer.from(source.subarray(at, at + size));
  }
  const out: Buffer[] = [];
  for await (const piece of decodeTransferStream(pieces(), encoding)) out.push(Buffer.from(piece));
  return Buffer.concat(out);
}

describe('a transfer encoding undone piece by piece', () => {
  for (const [encoding, source] of SOURCES)
    it(`gives the octets that it gives at once: ${encoding} ${JSON.stringify(source.slice(0, 30))}`, async () => {
      const octets = Buffer.from(source);
      const whole = decodeTransfer(Buffer.from(octets), encoding);
      for (const size of [1, 2, 3, 5, 7, 64, 10_000])
        assert.deepEqual(await decoded(octets, encoding, size), Buffer.from(whole), `in pieces of ${size}`);
    });

  it('does not hold a line without end', async () => {
    const line = Buffer.alloc(3_000_000, 'x');
    assert.ok((await decoded(line, 'quoted-printable', 100_000)).equals(line));
  });

  it('cuts no escape of a line without end', async () => {
    const line = Buffer.from('=41'.repeat(700_000));
    const whole = decodeTransfer(Buffer.from(line), 'quoted-printable');
    assert.ok((await decoded(line, 'quoted-printable', 65_536)).equals(whole));
  });
});
