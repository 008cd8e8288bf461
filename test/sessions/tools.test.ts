// Every tool of a session over REST, through a real gateway: once as it is meant, and with the main wrongs.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { DraftView } from '../../src/contracts/draft.ts';
import type { SessionView } from '../../src/contracts/session.ts';
import type { SessionRecord } from '../../src/contracts/session-record.ts';
import { textFile } from '../knowledge/mails.ts';
import { pdf } from '../support/documents/pdf.ts';
import { requireService } from '../support/services.ts';
import { openToolsWorld, type ToolsWorld, type Turn } from './tools-world.ts';

/** Asks for a reply and a label, is to be tried again the first time, and answers with another reply. */
const PROGRAM = `
import { existsSync, writeFileSync } from 'node:fs';
let text = '';
for await (const piece of process.stdin) text += piece;
const { message } = JSON.parse(text).data;
const call = (path, body) => fetch(process.env.POSTERN_API + path, {
  method: 'POST',
  headers: { authorization: 'Bearer ' + process.env.POSTERN_TOKEN, 'content-type': 'application/json' },
  body: JSON.stringify(body),
});
await call('/messages/' + message.id + '/reply', { text: 'By a call.' });
await call('/messages/' + message.id + '/label', { label: 'Called' });
const tried = new URL('tried', import.meta.url);
if (!existsSync(tried)) {
  writeFileSync(tried, '');
  process.exit(75);
}
console.log(JSON.stringify({ actions: [{ type: 'reply', text: 'By the answer.' }, { type: 'done', summary: 'both' }] }));
`;

type Outcome = { state: string; draft_id: string; submission_id: string | null; reasons: string[] };

describe('the tools of a session', { skip: requireService('dovecot', 'smtp-sink') }, () => {
  let world: ToolsWorld;
  before(async () => {
    const agents = {
      wide: '{ reply: auto, read: account, attach: account, recipients: [prospect.example] }',
      counted: '{ reply: never }',
      program: '{ reply: approve }',
      helper: '{ reply: approve, move: [Archive] }',
      sender: '{ reply: auto, recipients: [prospect.example] }',
      narrow: '{ tools: [get_message] }',
    };
    world = await openToolsWorld(agents, { counted: 2 }, { agent: 'program', text: PROGRAM });
  });
  after(() => world?.[Symbol.asyncDispose]());

  const draftOf = (id: string): Promise<DraftView> => world.gateway.get<DraftView>(`/v1/drafts/${id}`);
  const sessionOf = (turn: Turn): Promise<SessionView> =>
    world.gateway.get<SessionView>(`/v1/sessions/${turn.sessionId}`);
  const rests = (turn: Turn, state: string): Promise<SessionView> =>
    world.gateway.until(async () => {
      const session = await sessionOf(turn);
      return session.state === state ? session : null;
    });

  it('reads and searches its own conversation, and the rest is not there', async () => {
    const other = await world.wake('helper', { text: 'The secret of the other thread.' });
    const turn = await world.wake('helper', { text: 'What does a blue desk cost?' });
    const { id, thread_id: thread } = turn.message;
    const ids = async (path: string): Promise<string[]> =>
      (await turn.call<{ data: { id: string }[] }>('GET', path)).body.data.map((one) => one.id);
    assert.deepEqual(await ids('/messages'), [id]);
    assert.deepEqual(await ids('/messages?query=DESK%20ann'), [id]);
    assert.deepEqual(await ids('/messages?query=secret'), []);
    assert.deepEqual(await ids('/threads'), [thread]);
    assert.equal((await turn.call('GET', `/threads/${thread}`)).status, 200);
    assert.equal((await turn.call('GET', `/messages/${id}`)).body.text, 'What does a blue desk cost?');
    assert.equal((await turn.call('GET', '/session')).body.id, turn.sessionId);
    for (const path of [
      `/messages/${other.message.id}`,
      `/threads/${other.message.thread_id}`,
      `/messages?thread=${other.message.thread_id}`,
      '/messages?account=support',
      `/sessions/${other.sessionId}`,
      `/drafts?session=${other.sessionId}`,
    ])
      assert.equal((await turn.call('GET', path)).status, 404, path);
    // The record tells of all of it.
    const calls = (await turn.record()).filter(({ kind }) => kind === 'called').map(({ data }) => data.call);
    assert.deepEqual(
      new Set(calls),
      new Set(['search_messages', 'list_threads', 'get_thread', 'get_message', 'get_session']),
    );
    assert.deepEqual(
      (await turn.refused()).map(({ code }) => code),
      Array(6).fill('not_found'),
    );
    for (const one of [turn, other]) await one.finish();
  });

  it('gives attachments as bytes and as text, of its own conversation alone', async () => {
    const files = [
      {
        name: 'offer.pdf',
        type: 'application/pdf',
        bytes: pdf([['Terms of the lease'], ['Signed in Geneva']]),
      },
      textFile('list.txt', 'one\ntwo\n'),
    ];
    const turn = await world.wake('helper', { files });
    const [offer, list] = turn.message.attachments;
    const at = (attachment: string | undefined, rest = ''): string =>
      `/messages/${turn.message.id}/attachments/${attachment}${rest}`;
    assert.deepEqual((await turn.bytes(at(list?.id))).bytes.toString(), 'one\ntwo\n');
    const text = await turn.call<{ data: { text: string }[]; content_type: string }>(
      'GET',
      at(offer?.id, '/text'),
    );
    assert.equal(text.body.content_type, 'application/pdf');
    assert.match(
      text.body.data.map((piece) => piece.text).join(' '),
      /Terms of the lease.*Signed in Geneva/s,
    );
    const base64 = await turn.call<{ content_base64: string }>('GET', at(list?.id, '/text?as=base64'));
    assert.equal(Buffer.from(base64.body.content_base64, 'base64').toString(), 'one\ntwo\n');
    const other = await world.wake('helper', {});
    for (const path of [at(offer?.id), at(offer?.id, '/text')])
      assert.equal((await other.call('GET', path)).status, 404);
    assert.equal((await turn.bytes(at('att_nonsense'))).status, 404);
    // A file of another conversation goes along with no mail either, whatever it is called.
    const stolen = await other.call('POST', `/messages/${other.message.id}/reply`, {
      text: 'Here.',
      attachments: [{ attachment_id: offer?.id }],
    });
    assert.equal(stolen.status, 404);
    for (const one of [turn, other]) await one.finish();
  });

  it('a reply waits for a person, with the files of the conversation, and is one also when it is asked for twice', async () => {
    const turn = await world.wake('helper', { files: [textFile('list.txt', 'one\ntwo\n')] });
    const upload = await fetch(`${world.gateway.url}/v1/objects?filename=made.txt`, {
      method: 'POST',
      headers: { authorization: `Bearer ${turn.event.data.session.token}`, 'content-type': 'text/plain' },
      body: 'made',
    });
    const { id: uploaded } = (await upload.json()) as { id: string };
    const reply = {
      text: 'It costs 200.',
      attachments: [
        { attachment_id: turn.message.attachments[0]?.id },
        { object_id: uploaded },
        { filename: 'more.txt', content_base64: Buffer.from('more').toString('base64') },
      ],
    };
    const path = `/messages/${turn.message.id}/reply`;
    const { status, body } = await turn.call<Outcome>('POST', path, reply);
    assert.deepEqual([status, body.state, body.submission_id], [200, 'waiting', null]);
    assert.match(body.reasons.join(), /wants a person to approve/);
    assert.equal((await turn.call<Outcome>('POST', path, reply)).body.draft_id, body.draft_id);
    const draft = await draftOf(body.draft_id);
    assert.deepEqual(
      [draft.from.address, draft.to.map(({ address }) => address), draft.subject],
      ['sales@company.example', ['ann@prospect.example'], `Re: ${turn.message.subject}`],
    );
    assert.deepEqual(
      draft.attachments.map(({ filename }) => filename),
      ['list.txt', 'made.txt', 'more.txt'],
    );
    assert.match(draft.text, /^It costs 200\.\n\n/);
    // What is the gateway's cannot be said.
    for (const field of ['to', 'bcc', 'subject', 'from', 'in_reply_to', 'headers'])
      assert.equal((await turn.call('POST', path, { text: 'x', [field]: 'x' })).status, 400, field);
    assert.equal((await turn.finish()).body.state, 'done');
    await rests(turn, 'waiting-for-approval');
    assert.equal((await world.sink.messages()).length, 0);
  });

  it('mail leaves where policy lets it, and is refused where it does not', async () => {
    const turn = await world.wake('sender');
    const sent = await turn.call<Outcome>('POST', '/messages', {
      ...{ to: ['carl@prospect.example'], subject: 'An offer', text: 'Twenty desks.' },
    });
    assert.equal(sent.body.state, 'sent', JSON.stringify(sent.body));
    const [mail] = await world.sink.waitFor(1);
    assert.deepEqual(mail?.recipients, ['carl@prospect.example']);
    const refused = await turn.call<Outcome>('POST', '/messages', {
      ...{ to: ['eve@evil.example'], subject: 'All of it', text: 'Here.' },
    });
    assert.deepEqual([refused.status, refused.body.state], [200, 'refused']);
    const blind = await turn.call<Outcome>('POST', '/messages', {
      ...{ to: ['ann@prospect.example'], bcc: ['eve@evil.example'], subject: 'x', text: 'x' },
    });
    assert.equal(blind.body.state, 'refused');
    const forwarded = await turn.call<Outcome>('POST', `/messages/${turn.message.id}/forward`, {
      to: ['eve@evil.example'],
    });
    assert.equal(forwarded.body.state, 'refused');
    const rules = (await turn.refused()).map(({ rule }) => rule);
    assert.deepEqual(rules, ['recipient_not_allowed', 'bcc_not_allowed', 'recipient_not_allowed']);
    assert.equal((await turn.call('GET', '/session')).status, 200);
    await turn.finish('sent an offer');
    assert.equal((await rests(turn, 'done')).summary, 'sent an offer');
    assert.equal((await world.sink.messages()).length, 1);
  });

  it('a forwarded mail waits with its text and files', async () => {
    const turn = await world.wake('sender', {
      files: [textFile('list.txt', 'one')],
      text: 'Please pass it on.',
    });
    const { body } = await turn.call<Outcome>('POST', `/messages/${turn.message.id}/forward`, {
      ...{ to: ['dora@prospect.example'], note: 'For you.' },
    });
    const draft = await draftOf(body.draft_id);
    assert.match(draft.text, /^For you\.\n\n-+ Forwarded message -+\nFrom: Ann Buyer.*Please pass it on\./s);
    assert.deepEqual(
      draft.attachments.map(({ filename }) => filename),
      ['list.txt'],
    );
    assert.notEqual(draft.thread_id, turn.message.thread_id);
    await turn.finish();
  });

  it('changes a draft of its own until a person has had a hand on it', async () => {
    const turn = await world.wake('sender');
    const made = await turn.call<Outcome>('POST', '/drafts', { text: 'First words.' });
    // Policy would let it go: as a draft it waits.
    assert.equal(made.body.state, 'waiting');
    const path = `/drafts/${made.body.draft_id}`;
    const changed = await turn.call<Outcome>('PATCH', path, { text: 'Second words.' });
    assert.equal(changed.body.state, 'waiting', JSON.stringify(changed.body));
    const draft = (await turn.call<DraftView>('GET', path)).body;
    assert.equal(draft.version, 2);
    assert.match(draft.text, /^Second words\.\n\n/);
    assert.equal((await turn.call('PATCH', path, { subject: 'Mine' })).status, 400);
    const listed = await turn.call<{ data: DraftView[] }>('GET', '/drafts');
    assert.deepEqual(
      listed.body.data.map(({ id }) => id),
      [made.body.draft_id],
    );
    // It can decide about nothing.
    for (const verb of ['approve', 'reject', 'edit'])
      assert.equal((await turn.call('POST', `${path}/${verb}`, { digest: draft.digest })).status, 403, verb);
    const edited = await world.gateway.request('POST', `/v1${path}/edit`, { text: 'A person wrote this.' });
    assert.equal(edited.status, 200);
    const late = await turn.call('PATCH', path, { text: 'Third words.' });
    assert.deepEqual([late.status, late.body.code], [409, 'draft_edited']);
    assert.equal((await draftOf(made.body.draft_id)).text, 'A person wrote this.');
    const foreign = await world.wake('helper');
    assert.equal((await foreign.call('GET', path)).status, 404);
    assert.equal((await foreign.call('PATCH', path, { text: 'x' })).status, 404);
    for (const one of [turn, foreign]) await one.finish();
  });

  it('labels, marks and moves its mail as policy says', async () => {
    const turn = await world.wake('helper');
    const path = `/messages/${turn.message.id}`;
    for (const [verb, body] of [
      ['label', { label: 'Agent/Seen' }],
      ['label', { label: 'Wrong' }],
      ['unlabel', { label: 'Wrong' }],
      ['mark', { seen: true, flagged: true }],
      ['move', { mailbox: 'Archive' }],
    ] as const)
      assert.equal((await turn.call('POST', `${path}/${verb}`, body)).body.state, 'done', verb);
    for (const [verb, body] of [
      ['label', { label: '\\Deleted' }],
      ['move', { mailbox: 'Trash' }],
    ] as const)
      assert.equal((await turn.call('POST', `${path}/${verb}`, body)).body.state, 'refused', verb);
    await turn.finish();
    const mails = await world.gateway.until(async () => {
      const found = await world.dovecot.fetchAll('sales', 'Archive');
      return found.length > 0 ? found : null;
    });
    assert.deepEqual(new Set(mails[0]?.flags), new Set(['Agent/Seen', '\\Seen', '\\Flagged']));
  });

  it('asks a person, whose answer is its next turn; then waits for a reply', async () => {
    const turn = await world.wake('helper');
    assert.equal((await turn.call('POST', '/session/ask', { question: 'May I?' })).body.state, 'done');
    await turn.finish();
    assert.equal((await rests(turn, 'waiting-for-answer')).question, 'May I?');
    const answered = await world.gateway.request('POST', `/v1/sessions/${turn.sessionId}/answer`, {
      text: 'Yes.',
    });
    assert.equal(answered.status, 200);
    const next = await world.nextTurn(turn.sessionId, 2);
    assert.deepEqual([next.event.type, next.event.data.feedback], ['question.answered', 'Yes.']);
    // It asks anew in the turn that an answer woke: the question stands when the turn has ended.
    await next.call('POST', '/session/ask', { question: 'And again?' });
    await next.finish();
    assert.equal((await rests(turn, 'waiting-for-answer')).question, 'And again?');
    const waiting = await world.wake('helper');
    const until = new Date(Date.now() + 3_600_000).toISOString();
    assert.equal((await waiting.call('POST', '/session/wait', { until })).body.state, 'done');
    await waiting.finish();
    await rests(waiting, 'waiting-for-reply');
  });

  it('a list of tools narrows what may be called, and leaves the end of a turn', async () => {
    const turn = await world.wake('narrow');
    assert.equal((await turn.call('GET', `/messages/${turn.message.id}`)).status, 200);
    for (const [method, path] of [
      ['GET', '/messages'],
      ['GET', `/threads/${turn.message.thread_id}`],
      ['GET', `/messages/${turn.message.id}/attachments/att_x`],
      ['POST', `/messages/${turn.message.id}/reply`],
      ['POST', `/messages/${turn.message.id}/label`],
      ['GET', '/knowledge?query=x'],
    ] as const)
      assert.equal((await turn.call(method, path, method === 'POST' ? {} : undefined)).status, 403, path);
    assert.equal((await turn.finish()).status, 200);
  });

  it('one that may read its account does, and its mail waits for a person from then on', async () => {
    const files = [textFile('secret.txt', 'secret')];
    const other = await world.wake('helper', { files, from: 'Eve <eve@evil.example>' });
    const turn = await world.wake('wide');
    const send = (n: number, attachments: object[] = []) =>
      turn.call<Outcome>('POST', '/messages', {
        ...{ to: ['carl@prospect.example'], subject: `Offer ${n}`, text: 'Desks.', attachments },
      });
    assert.equal((await turn.call('GET', `/messages/${turn.message.id}`)).status, 200);
    assert.equal((await send(1)).body.state, 'sent');
    assert.equal((await turn.call('GET', `/messages/${other.message.id}`)).status, 200);
    const held = await send(2, [{ attachment_id: other.message.attachments[0]?.id }]);
    assert.equal(held.body.state, 'waiting');
    assert.match(held.body.reasons.join('\n'), /has read a mail of another conversation/);
    assert.match(held.body.reasons.join('\n'), /takes a file of another conversation along/);
    assert.equal((await turn.call('GET', '/messages?account=support')).status, 404);
    const label = await turn.call('POST', `/messages/${other.message.id}/label`, { label: 'Mine' });
    assert.equal(label.status, 404); // it reads there, and changes nothing
    // A mail that it never looked at does not leave without a person either.
    const [known, blind] = [await world.wake('helper'), await world.wake('wide')];
    const forwarded = await blind.call<Outcome>('POST', `/messages/${known.message.id}/forward`, {
      to: ['carl@prospect.example'],
    });
    assert.equal(forwarded.body.state, 'waiting');
    assert.match(forwarded.body.reasons.join('\n'), /what it passes on of another conversation/);
    for (const one of [other, known, blind]) await one.finish();
    await turn.finish();
  });

  it('bytes of another conversation that it has read count as such, whoever sent them', async () => {
    // From the same people: their words may be known here, and a file of theirs may be about somebody else.
    const other = await world.wake('helper', { files: [textFile('list.txt', 'a price list')] });
    const turn = await world.wake('wide');
    const send = (n: number) =>
      turn.call<Outcome>('POST', '/messages', {
        ...{ to: ['carl@prospect.example'], subject: `List ${n}`, text: 'Desks.' },
        attachments: [{ filename: 'a.txt', content_base64: Buffer.from(`list ${n}`).toString('base64') }],
      });
    assert.equal((await turn.call('GET', `/messages/${other.message.id}`)).status, 200);
    assert.equal((await send(1)).body.state, 'sent');
    const id = other.message.attachments[0]?.id;
    const read = await turn.call('GET', `/messages/${other.message.id}/attachments/${id}/text?as=base64`);
    assert.equal(read.status, 200);
    const { state, reasons } = (await send(2)).body;
    assert.equal(state, 'waiting');
    assert.match(reasons.join(), /read a file of another conversation/);
    for (const one of [other, turn]) await one.finish();
  });

  it('an answer to a mail of another conversation belongs to that one', async () => {
    const other = await world.wake('helper');
    const turn = await world.wake('wide');
    const { body } = await turn.call<Outcome>('POST', `/messages/${other.message.id}/reply`, {
      text: 'Hello',
    });
    assert.equal(body.state, 'waiting');
    assert.equal((await draftOf(body.draft_id)).thread_id, other.message.thread_id);
    for (const one of [other, turn]) await one.finish();
  });

  it('what stands in other conversations is not found out by trying', async () => {
    const iban = 'CH93 0076 2011 6238 5295 7';
    const other = await world.wake('sender', { text: `Pay to ${iban} please.` });
    const turn = await world.wake('helper');
    const { body } = await turn.call<Outcome>('POST', '/drafts', { text: `Is it ${iban}?` });
    const seen = await turn.call<DraftView>('GET', `/drafts/${body.draft_id}`);
    const listed = await turn.call<{ data: DraftView[] }>('GET', '/drafts');
    const own = await turn.call<{ data: SessionRecord[] }>('GET', `/sessions/${turn.sessionId}/record`);
    const found = /stands in another conversation/;
    assert.match((await draftOf(body.draft_id)).reasons.join(), found);
    for (const told of [body, seen.body, listed.body, own.body])
      assert.doesNotMatch(JSON.stringify(told), found);
    assert.match(body.reasons.join(), /wants a person to approve/);
    for (const one of [other, turn]) await one.finish();
  });

  it('a rule that narrows what may be read counts at once', async () => {
    const other = await world.wake('helper');
    const turn = await world.wake('wide');
    assert.equal((await turn.call('GET', `/messages/${other.message.id}`)).status, 200);
    const before = world.rules;
    await world.changeRules(before.replace('read: account', 'read: thread'));
    assert.equal((await turn.call('GET', `/messages/${other.message.id}`)).status, 404);
    assert.equal((await turn.call('GET', `/messages/${turn.message.id}`)).status, 200);
    await world.changeRules(before);
    for (const one of [turn, other]) await one.finish();
  });

  it('more calls than its policy allows are refused, and it can still end', async () => {
    const turn = await world.wake('counted');
    const look = () => turn.call('GET', `/messages/${turn.message.id}`);
    assert.deepEqual([(await look()).status, (await look()).status], [200, 200]);
    const third = await look();
    assert.deepEqual([third.status, third.body.code], [429, 'calls_limit']);
    assert.equal((await turn.finish()).body.state, 'done');
  });

  it('what a program calls takes effect once, also over two attempts, and its answer comes after', async () => {
    await world.deliver('program');
    const session = await world.gateway.until(async () => {
      const all = await world.gateway.sessions();
      return all.find(({ agent, state }) => agent === 'program' && state === 'waiting-for-approval');
    });
    assert.equal(session.summary, 'both');
    const drafts = (await world.gateway.drafts())
      .filter(({ session_id: id }) => id === session.id)
      .sort((one, other) => one.created_at - other.created_at);
    assert.deepEqual(
      drafts.map(({ text }) => text.split('\n')[0]),
      ['By a call.', 'By the answer.'],
    );
    const path = `/v1/sessions/${session.id}/record?limit=1000`;
    const { data } = await world.gateway.get<{ data: SessionRecord[] }>(path);
    const kinds = data.map(({ kind, data: { call } }) => (kind === 'called' ? String(call) : kind));
    const called = ['reply_to_message', 'add_label'];
    const order = kinds.filter((kind) => [...called, 'answered'].includes(kind));
    assert.deepEqual(order, [...called, ...called, 'answered']);
  });

  it('its token dies with its turn, and a cancelled session does nothing more', async () => {
    const turn = await world.wake('sender');
    await turn.finish();
    await rests(turn, 'done');
    assert.equal((await turn.call('GET', `/messages/${turn.message.id}`)).status, 401);
    const other = await world.wake('sender');
    await world.gateway.request('POST', `/v1/sessions/${other.sessionId}/cancel`);
    const late = await other.call('POST', `/messages/${other.message.id}/reply`, { text: 'Late.' });
    assert.equal(late.status, 401);
  });
});
