// Where the links lead by which people leave a list: a page that asks, and one request of a mail program that acts.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { UnsubscribeLinks } from '../../src/bounces/unsubscribe.ts';
import { startGateway, type TestGateway } from './support.ts';

const ONE_CLICK = 'List-Unsubscribe=One-Click';

describe('leaving a list', () => {
  let gateway: TestGateway;
  let links: UnsubscribeLinks;

  before(async () => {
    gateway = await startGateway();
    links = gateway.rooms.unsubscribe as UnsubscribeLinks;
  });
  after(() => gateway.close());

  /** As a mail program has it: no sign-in, no cookie. */
  const request = async (token: string, init: RequestInit = {}) => {
    const response = await fetch(`${gateway.url}/u/${token}`, init);
    return { status: response.status, headers: response.headers, text: await response.text() };
  };
  const post = (token: string, body: string, type = 'application/x-www-form-urlencoded') =>
    request(token, { method: 'POST', body, headers: { 'Content-Type': type } });
  const tokenFor = async (address: string, list = 'weekly news'): Promise<string> => {
    const { https, mailto } = await links.for('acc_1', list, address, 'sales@company.example');
    assert.match(https, /^https:\/\/mail\.example\/u\/[\w.-]+$/);
    assert.match(mailto ?? '', /^mailto:sales@company\.example\?subject=unsubscribe%20[\w.-]+$/);
    return https.slice(https.lastIndexOf('/') + 1);
  };
  const entries = async (address: string) =>
    (await gateway.rooms.suppressions.list({ address, limit: 10 })).map(({ list, reason }) => [list, reason]);

  it('shows a page to whoever opens the link, and does nothing', async () => {
    const token = await tokenFor('anna@one.example');
    const { status, text, headers } = await request(token);
    assert.equal(status, 200);
    assert.match(text, /<html lang="en">/);
    assert.match(text, /weekly news/);
    assert.match(text, /a…@one\.example/);
    assert.ok(!text.includes('anna@one'), 'the mail may have been passed on');
    assert.match(
      headers.get('content-security-policy') ?? '',
      /default-src 'none'; style-src 'sha256-.*form-action 'self'/,
    );
    assert.equal(headers.get('set-cookie'), null);
    assert.equal((await request(token, { method: 'HEAD' })).status, 200);
    assert.deepEqual(await entries('anna@one.example'), []);
  });

  it('speaks the language of whoever opens it', async () => {
    const token = await tokenFor('anna@one.example');
    const title = async (language: string) =>
      /<title>([^<]*)/.exec((await request(token, { headers: { 'Accept-Language': language } })).text)?.[1];
    assert.equal(await title('de-CH,de;q=0.9,en;q=0.5'), 'Abmelden');
    assert.equal(await title('zh-CN,zh;q=0.9'), '退订');
    assert.equal(await title('fr'), 'Unsubscribe');
  });

  it('acts at once on the one click of a mail program, sent in either way, and twice is once', async () => {
    const form = `--b\r\nContent-Disposition: form-data; name="List-Unsubscribe"\r\n\r\nOne-Click\r\n--b--\r\n`;
    const first = await tokenFor('berta@one.example');
    assert.equal((await post(first, ONE_CLICK)).status, 200);
    assert.equal((await post(first, ONE_CLICK)).status, 200);
    assert.deepEqual(await entries('berta@one.example'), [['weekly news', 'unsubscribe']]);
    const second = await tokenFor('carla@one.example');
    assert.equal((await post(second, form, 'multipart/form-data; boundary=b')).status, 200);
    assert.deepEqual(await entries('carla@one.example'), [['weekly news', 'unsubscribe']]);
    const all = await tokenFor('dora@one.example');
    assert.equal((await post(all, `${ONE_CLICK}&every=yes`)).status, 200);
    assert.deepEqual(await entries('dora@one.example'), [['*', 'unsubscribe']]);
  });

  it('does nothing for a token that nobody gave, or a request that does not say what it wants', async () => {
    const token = await tokenFor('emma@one.example');
    const other = token.replace(/^./, (letter) => (letter === 'W' ? 'X' : 'W'));
    for (const wrong of [other, `${token}x`, 'x', 'WyJhIl0.AAAAAAAAAAAAAA'])
      assert.equal((await post(wrong, ONE_CLICK)).status, 404, wrong);
    assert.equal((await post(token, '')).status, 400);
    assert.equal((await request(token, { method: 'DELETE' })).status, 405);
    assert.ok((await post(token, `${ONE_CLICK}&${'x'.repeat(10_000)}`)).status >= 400);
    assert.deepEqual(await entries('emma@one.example'), []);
  });
});
