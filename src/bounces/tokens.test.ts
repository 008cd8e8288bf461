// Tokens of return paths and of links: made with an account's key, and worth nothing with one character changed.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { describe, it } from 'node:test';
import { leavingToken, readLeaving, returnPath, tokenIn } from './tokens.ts';

const key = randomBytes(32);
const id = (): string => `<${randomBytes(16).toString('hex')}@company.example>`;

describe('tokens', () => {
  it('of a return path name the mail, whatever happens to the case of their letters', () => {
    for (let round = 0; round < 200; round++) {
      const messageId = id();
      const path = returnPath('sales+{token}@company.example', key, messageId) ?? '';
      assert.ok(path.indexOf('@') <= 64);
      for (const written of [path, path.toUpperCase()]) {
        const token = tokenIn(written);
        assert.equal(token?.messageIdStart, messageId.slice(0, messageId.indexOf('@') + 1));
        assert.equal(token?.isGenuine(key), true);
        assert.equal(token?.isGenuine(randomBytes(32)), false);
      }
    }
  });

  it('of a return path are not genuine with any character changed', () => {
    const path = returnPath('bounces+{token}@company.example', key, id()) ?? '';
    for (let at = path.indexOf('+') + 1; at < path.indexOf('@'); at++) {
      const other = path[at] === 'a' ? 'b' : 'a';
      const token = tokenIn(`${path.slice(0, at)}${other}${path.slice(at + 1)}`);
      assert.ok(token === null || !token.isGenuine(key), `character ${at}`);
    }
  });

  it('are not made for a Message-ID of somebody else, and not read from an ordinary address', () => {
    assert.equal(returnPath('b+{token}@c.example', key, '<1@c.example>'), null);
    for (const address of ['bob+news@company.example', `x+${'a'.repeat(41)}@c.example`, '@', ''])
      assert.equal(tokenIn(address), null);
  });

  it('of a link say who leaves which list, and nothing else reads as one', () => {
    const leaving = { accountId: 'acc_1', list: 'Wöchentlich, “news”', address: 'anna@example.org' };
    const token = leavingToken(key, leaving);
    const read = readLeaving(token);
    assert.deepEqual([read?.accountId, read?.list, read?.address], ['acc_1', leaving.list, leaving.address]);
    assert.equal(read?.isGenuine(key), true);
    const [said = '', mac = ''] = token.split('.');
    const other = Buffer.from(JSON.stringify(['acc_1', 'x', 'victim@example.org'])).toString('base64url');
    assert.equal(readLeaving(`${other}.${mac}`)?.isGenuine(key), false);
    for (const wrong of [
      '',
      '.',
      said,
      `${said}.`,
      `${said}.${mac}x`,
      `${Buffer.from('{}').toString('base64url')}.${mac}`,
    ])
      assert.equal(readLeaving(wrong), null, wrong);
  });
});
