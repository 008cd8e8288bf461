// A broadcast from its making to its report, over real servers.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, it } from 'node:test';
import type { BroadcastView } from '../../src/contracts/broadcast.ts';
import { header, NEWS, openHouse, template } from './house.ts';

const people = (count: number) =>
  Array.from({ length: count }, (_, i) => ({
    address: `p${i}@example.org`,
    name: `Person ${i}`,
    city: `City ${i}`,
  }));
const input = (count: number, more: object = {}) => ({
  name: 'launch',
  account: 'sales',
  template: 'news',
  data: { headline: 'It <flies>' },
  to: people(count),
  ...more,
});

describe('a broadcast', () => {
  it('of a gateway that others cannot open is left by mail: no link leads to its own machine', async () => {
    await using house = await openHouse();
    const made = await house.gateway.request<BroadcastView>('POST', '/v1/broadcasts', input(2));
    const { text } = await house.broadcast(made.body.id);
    assert.match(text, /Leave: mailto:sales@company\.example\?subject=unsubscribe%20[\w.-]+\n/);
    assert.doesNotMatch(text, /127\.0\.0\.1/);
  });

  it('waits for one approval, and then each recipient gets a mail of their own', async () => {
    await using house = await openHouse({ env: { POSTERN_PUBLIC_URL: 'https://mail.company.example' } });
    const { gateway, smtp } = house;
    const made = await gateway.request<BroadcastView>('POST', '/v1/broadcasts', input(120));
    assert.equal(made.status, 201, JSON.stringify(made.body));
    const { id, digest, state, counts } = made.body;
    assert.equal(state, 'waiting');
    assert.deepEqual([counts.total, counts.pending], [120, 120]);
    const shown = await house.broadcast(id);
    assert.deepEqual(
      shown.samples.map(({ subject }) => subject),
      [0, 1, 2].map((i) => `News for Person ${i}`),
    );
    assert.match(shown.text, /It <flies>/);
    assert.match(shown.html ?? '', /It &lt;flies&gt;/);
    assert.equal(shown.recipients.length, 50);
    assert.deepEqual(shown.data, { headline: 'It <flies>' });
    assert.equal(smtp.messages().length, 0);

    const wrong = await gateway.request('POST', `/v1/broadcasts/${id}/approve`, {
      digest: `sha256:${'0'.repeat(64)}`,
    });
    assert.deepEqual([wrong.status, wrong.body.code], [409, 'broadcast_digest_mismatch']);
    // Whatever becomes of the template now, what was approved is what leaves.
    await template(gateway, 'news', { ...NEWS, 'subject.hbs': 'Something else' });
    const approved = await gateway.request('POST', `/v1/broadcasts/${id}/approve`, { digest });
    assert.equal(approved.status, 200, JSON.stringify(approved.body));
    const again = await gateway.request('POST', `/v1/broadcasts/${id}/approve`, { digest });
    assert.deepEqual([again.status, again.body.code], [409, 'broadcast_state']);

    const done = await house.reaches(id, 'done');
    assert.equal(done.counts.sent, 120);
    assert.deepEqual(
      smtp
        .messages()
        .flatMap(({ recipients }) => recipients)
        .sort(),
      people(120)
        .map(({ address }) => address)
        .sort(),
    );
    for (const { raw, recipients } of smtp.messages()) {
      const [address = ''] = recipients;
      const number = /\d+/.exec(address)?.[0];
      assert.equal(recipients.length, 1);
      assert.equal(header(raw, 'To'), `Person ${number} <${address}>`);
      assert.equal(header(raw, 'Subject'), `News for Person ${number}`);
      assert.equal(header(raw, 'Auto-Submitted'), 'auto-generated');
      assert.equal(header(raw, 'Precedence'), 'bulk');
      assert.equal(header(raw, 'List-Id'), '<launch.company.example>');
      assert.match(header(raw, 'List-Unsubscribe') ?? '', /^<https:\/\/mail\.company\.example\/u\//);
      assert.equal(header(raw, 'List-Unsubscribe-Post'), 'List-Unsubscribe=One-Click');
      assert.equal(header(raw, 'Bcc'), null);
    }
    const { data } = await gateway.get<{ data: { state: string; submission_id: string }[] }>(
      `/v1/broadcasts/${id}/recipients?limit=200`,
    );
    assert.equal(data.length, 120);
    assert.equal(new Set(data.map(({ submission_id }) => submission_id)).size, 120);
  });

  it('goes no more to whoever left by the link in the one before, of the same name', async () => {
    await using house = await openHouse({ env: { POSTERN_PUBLIC_URL: 'https://mail.company.example' } });
    const { gateway, smtp } = house;
    const send = async () => {
      const { body } = await gateway.request<BroadcastView>('POST', '/v1/broadcasts', input(3));
      await gateway.request('POST', `/v1/broadcasts/${body.id}/approve`, { digest: body.digest });
      return house.reaches(body.id, 'done');
    };
    await send();
    const first = smtp.messages().find(({ recipients }) => recipients.includes('p1@example.org'));
    const [, path] =
      /^<https:\/\/mail\.company\.example(\/u\/[^>]+)>/.exec(
        header(first?.raw as Buffer, 'List-Unsubscribe') ?? '',
      ) ?? [];
    const left = await fetch(gateway.url + path, {
      method: 'POST',
      body: new URLSearchParams({ 'List-Unsubscribe': 'One-Click' }),
    });
    assert.ok(left.ok, `${left.status}`);
    const { counts } = await send();
    assert.deepEqual([counts.sent, counts.unsubscribed], [2, 1]);
    assert.equal(smtp.messages().filter(({ recipients }) => recipients.includes('p1@example.org')).length, 1);
  });

  it('whose content was changed in the ledger does not leave, approved or not', async () => {
    await using house = await openHouse();
    const { gateway, smtp } = house;
    const ids: BroadcastView[] = [];
    for (const name of ['one', 'two'])
      ids.push((await gateway.request<BroadcastView>('POST', '/v1/broadcasts', input(2, { name }))).body);
    const [one, two] = ids as [BroadcastView, BroadcastView];
    await gateway.stop();
    const ledger = new DatabaseSync(join(gateway.folder, 'data', 'ledger.sqlite'));
    ledger.exec(`update objects set bytes = cast(replace(cast(bytes as text), 'p1@example.org', 'x1@example.org') as blob)
      where id in (select content_object_id from broadcasts)`);
    ledger.prepare("update broadcasts set state = 'paused', decided_by = 'anna' where id = ?").run(two.id);
    ledger.close();
    await gateway.start();
    const approved = await gateway.request('POST', `/v1/broadcasts/${one.id}/approve`, {
      digest: one.digest,
    });
    assert.deepEqual([approved.status, approved.body.code], [409, 'broadcast_damaged']);
    await gateway.request('POST', `/v1/broadcasts/${two.id}/resume`);
    const failed = await gateway.until(async () => (await house.broadcasts('?state=failed'))[0]);
    assert.equal(failed.id, two.id);
    assert.match(failed.error ?? '', /was changed in the ledger/);
    assert.equal(smtp.messages().length, 0);
  });

  it('is refused as a whole when one of its recipients is no address', async () => {
    await using house = await openHouse();
    const { status, body } = await house.gateway.request(
      'POST',
      '/v1/broadcasts',
      input(1, { to: ['a@b.example', 'a@b'] }),
    );
    assert.deepEqual([status, body.code], [400, 'recipients_invalid']);
    assert.equal((await house.broadcasts()).length, 0);
  });

  it('can be rejected, and then nobody can approve it', async () => {
    await using house = await openHouse();
    const { body } = await house.gateway.request<BroadcastView>('POST', '/v1/broadcasts', input(2));
    const rejected = await house.gateway.request('POST', `/v1/broadcasts/${body.id}/reject`, {
      feedback: 'No.',
    });
    assert.equal(rejected.status, 200);
    const late = await house.gateway.request('POST', `/v1/broadcasts/${body.id}/approve`, {
      digest: body.digest,
    });
    assert.equal(late.status, 409);
    assert.equal(house.smtp.messages().length, 0);
  });

  it('leaves out who is suppressed, and who unsubscribes while it runs', async () => {
    let take: (() => void) | undefined;
    const taken = new Promise<void>((resolve) => (take = resolve));
    let go: (() => void) | undefined;
    const gate = new Promise<void>((resolve) => (go = resolve));
    await using house = await openHouse({
      smtp: {
        beforeAnswer: () => {
          take?.();
          return gate;
        },
      },
      env: { POSTERN_PUBLIC_URL: 'https://mail.company.example' },
    });
    const { gateway, smtp } = house;
    const count = 460; // more than are put into the outbox at once
    await gateway.request('POST', '/v1/suppressions', { address: 'p3@example.org', reason: 'manual' });
    const { body } = await gateway.request<BroadcastView>('POST', '/v1/broadcasts', input(count));
    await gateway.request('POST', `/v1/broadcasts/${body.id}/approve`, { digest: body.digest });
    await taken;
    // The last one's mail was not made yet: the server takes none further.
    const added = await gateway.request('POST', '/v1/suppressions', {
      ...{ address: `p${count - 1}@example.org`, list: 'launch', reason: 'unsubscribe' },
    });
    assert.equal(added.status, 201, JSON.stringify(added.body));
    go?.();
    const done = await house.reaches(body.id, 'done');
    assert.deepEqual([done.counts.sent, done.counts.suppressed, done.counts.unsubscribed], [count - 2, 1, 1]);
    const reached = new Set(smtp.messages().flatMap(({ recipients }) => recipients));
    assert.equal(reached.size, count - 2);
    assert.ok(!reached.has('p3@example.org') && !reached.has(`p${count - 1}@example.org`));
  });

  it('is paused and resumed in the middle, and cancelled', async () => {
    let slow = true;
    await using house = await openHouse({
      smtp: { beforeAnswer: () => new Promise((resolve) => setTimeout(resolve, slow ? 20 : 0)) },
    });
    const { gateway, smtp } = house;
    const { body } = await gateway.request<BroadcastView>('POST', '/v1/broadcasts', input(520));
    await gateway.request('POST', `/v1/broadcasts/${body.id}/approve`, { digest: body.digest });
    await gateway.until(async () => (await house.broadcast(body.id)).counts.queued > 0);
    const paused = await gateway.request<BroadcastView>('POST', `/v1/broadcasts/${body.id}/pause`);
    assert.equal(paused.body.state, 'paused');
    slow = false;
    const rested = await gateway.until(async () => {
      const found = await house.broadcast(body.id);
      return found.counts.queued === 0 && found;
    });
    assert.ok(rested.counts.pending >= 70, `${rested.counts.pending} wait`);
    assert.equal(smtp.messages().length, rested.counts.sent);
    slow = true;
    await gateway.request('POST', `/v1/broadcasts/${body.id}/resume`);
    await gateway.until(async () => (await house.broadcast(body.id)).counts.sent > rested.counts.sent);
    const cancelled = await gateway.request<BroadcastView>('POST', `/v1/broadcasts/${body.id}/cancel`);
    assert.equal(cancelled.body.state, 'cancelled');
    const over = await gateway.until(async () => {
      const found = await house.broadcast(body.id);
      return found.counts.queued === 0 && found;
    });
    assert.ok(over.counts.cancelled > 0, JSON.stringify(over.counts));
    assert.equal(over.counts.sent + over.counts.cancelled, 520);
    assert.equal(smtp.messages().length, over.counts.sent);
  });
});
