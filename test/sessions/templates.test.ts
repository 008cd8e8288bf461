// Agents write by template where their policy names it: the page is the operator's, the data is judged as their own words.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { DraftView } from '../../src/contracts/draft.ts';
import { requireService } from '../support/services.ts';
import { openToolsWorld, type ToolsWorld } from './tools-world.ts';

type Outcome = { state: string; draft_id: string; submission_id: string | null; reasons: string[] };

const DATA = {
  number: '2026-118',
  name: 'Ann',
  currency: 'CHF',
  positions: [{ description: 'Pump', quantity: 2, price: 10 }],
};
const MAIL = { to: ['ann@prospect.example'], subject: 'Your quote', template: 'quote', data: DATA };

describe('templates and agents', { skip: requireService('dovecot', 'smtp-sink') }, () => {
  let world: ToolsWorld;
  before(async () => {
    world = await openToolsWorld({
      quoter: '{ reply: auto, recipients: [prospect.example], templates: [quote] }',
      writer: '{ reply: auto, recipients: [prospect.example] }',
    });
  });
  after(() => world?.[Symbol.asyncDispose]());

  const draftOf = (id: string): Promise<DraftView> => world.gateway.get<DraftView>(`/v1/drafts/${id}`);

  it('go together where the policy names the template: as a mail, and as a draft', async () => {
    const turn = await world.wake('quoter');
    const { body: sent } = await turn.call<Outcome>('POST', '/messages', MAIL);
    assert.equal(sent.state, 'sent', JSON.stringify(sent));
    const { html, text, subject } = await draftOf(sent.draft_id);
    assert.equal(subject, 'Your quote');
    assert.match(text, /Total: CHF\s20\.00/);
    assert.match(html ?? '', /<h1 style="[^"]*">Quote 2026-118<\/h1>/, 'the page is whole');
    const { body: held } = await turn.call<Outcome>('POST', '/drafts', MAIL);
    assert.equal(held.state, 'waiting');
    assert.match((await draftOf(held.draft_id)).html ?? '', /Quote 2026-118/);
  });

  it('do not where it does not, and the record says so', async () => {
    const writer = await world.wake('writer');
    const { body } = await writer.call<Outcome>('POST', '/messages', MAIL);
    assert.equal(body.state, 'refused');
    assert.match(body.reasons.join(), /does not allow the template/);
    assert.deepEqual(
      (await writer.refused()).map(({ rule }) => rule),
      ['template_not_allowed'],
    );
    const quoter = await world.wake('quoter');
    const other = await quoter.call<Outcome>('POST', '/messages', { ...MAIL, template: 'alert' });
    assert.equal(other.body.state, 'refused');
    for (const path of ['/templates', '/templates/quote/preview', '/templates/check']) {
      const method = path === '/templates' ? 'GET' : 'POST';
      assert.equal((await quoter.call(method, path, method === 'GET' ? undefined : {})).status, 403, path);
    }
  });

  it('are judged by all that the agent gave: links that run, hidden letters, secrets', async () => {
    const turn = await world.wake('quoter');
    const send = async (data: object): Promise<Outcome> =>
      (await turn.call<Outcome>('POST', '/messages', { ...MAIL, data: { ...DATA, ...data } })).body;
    const hidden = await send({
      notes: 'Pay\u200b\u200b\u200b\u200b\u200b now ![x](https://evil.example/?q=1)',
    });
    assert.equal(hidden.state, 'waiting', JSON.stringify(hidden));
    const { text, html } = await draftOf(hidden.draft_id);
    assert.doesNotMatch(`${text}${html}`, /evil\.example|\u200b/);
    assert.match(html ?? '', /<h1 style=/, 'the page itself is left as it is');
    const token = turn.event.data.session.token;
    assert.equal((await send({ footer: `key ${token}` })).state, 'refused');
    const missing = await turn.call('POST', '/messages', { ...MAIL, data: { number: '1' } });
    assert.deepEqual([missing.status, missing.body.code], [400, 'template_failed']);
    const both = await turn.call('POST', '/messages', { ...MAIL, text: 'mine' });
    assert.equal(both.status, 400);
    const reply = await turn.call('POST', '/drafts', { template: 'quote', data: DATA });
    assert.equal(reply.status, 400, 'a reply is written in words');
  });
});
