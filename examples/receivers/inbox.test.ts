import assert from 'node:assert/strict';
import type { AddressInfo } from 'node:net';
import { it } from 'node:test';
import { Webhook } from 'standardwebhooks';
import { inbox } from './inbox.ts';

const SECRET = `whsec_${Buffer.alloc(32, 1).toString('base64')}`;

it('takes each mail once, gives back what failed, and refuses what is not signed', async () => {
  const subjects: string[] = [];
  let isBroken = true;
  const server = inbox(SECRET, ({ data }) => {
    if (isBroken) throw new Error('the database is away');
    subjects.push(data.message.subject);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  const send = async (id: string, secret = SECRET): Promise<number> => {
    const body = JSON.stringify({
      data: { account: { label: 'sales' }, message: { from: null, subject: id } },
    });
    const at = new Date();
    const headers = {
      'webhook-id': id,
      'webhook-timestamp': String(Math.floor(at.getTime() / 1000)),
      'webhook-signature': new Webhook(secret).sign(id, at, body),
    };
    return (await fetch(url, { method: 'POST', headers, body })).status;
  };
  try {
    assert.equal(await send('dlv_1'), 500);
    isBroken = false;
    assert.deepEqual([await send('dlv_1'), await send('dlv_1'), await send('dlv_2')], [204, 204, 204]);
    assert.equal(await send('dlv_3', `whsec_${Buffer.alloc(32, 2).toString('base64')}`), 401);
    assert.deepEqual(subjects, ['dlv_1', 'dlv_2']);
  } finally {
    server.closeAllConnections();
    server.close();
  }
});
