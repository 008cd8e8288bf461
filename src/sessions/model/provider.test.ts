// Steps with a model over both protocols, whole and in pieces, against a server that speaks them.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import {
  type ChatServer,
  eventIn,
  type Reply,
  startChatServer,
  toolAnswers,
} from '../../../test/support/chat-server.ts';
import { modelRun } from '../../contracts/model-run.ts';
import { PosternError } from '../../kernel/errors.ts';
import type { ModelStep, StepRequest } from './chat.ts';
import { askModel } from './provider.ts';

const KEY = 'sk-canary-0123456789';
const TOOLS = [
  {
    name: 'get_message',
    description: 'Read a message.',
    inputSchema: { type: 'object', properties: { id: { type: 'string' } }, required: ['id'] },
  },
];

const request = (more: Partial<StepRequest> = {}): StepRequest => ({
  instructions: 'You answer mail.',
  event: '{"type":"message.received"}',
  before: [],
  tools: TOOLS,
  timeoutMs: 5_000,
  signal: new AbortController().signal,
  ...more,
});

let chat: ChatServer;
before(async () => {
  chat = await startChatServer();
});
after(() => chat.close());

const WAYS = [
  { provider: 'openai-compatible', stream: false },
  { provider: 'openai-compatible', stream: true },
  { provider: 'anthropic', stream: false },
  { provider: 'anthropic', stream: true },
] as const;

const ask = (
  way: (typeof WAYS)[number],
  reply: Reply,
  more: Partial<StepRequest> = {},
  key: string | null = KEY,
) => {
  chat.requests = [];
  chat.answer = () => reply;
  const model = modelRun.parse({ ...way, url: chat.url, name: 'm', instructions: 'x', allow_private: true });
  return askModel({ model, apiKey: () => key, attempt: 1, now: Date.now })(request(more));
};

/** The error that it ends with; it must tell of no key, and hold nothing of the request. */
async function failure(step: Promise<ModelStep>): Promise<PosternError> {
  const error = await step.then(
    () => assert.fail('it did not fail'),
    (error: unknown) => error,
  );
  assert.ok(error instanceof PosternError, String((error as Error).stack));
  const whole = JSON.stringify([error.message, error.hint, error.details, String(error.cause ?? '')]);
  for (const secret of [KEY, 'You answer mail', 'message.received'])
    assert.ok(!whole.includes(secret), `${secret} is in ${whole}`);
  assert.equal(error.cause, undefined);
  return error;
}

for (const way of WAYS)
  describe(`${way.provider}, ${way.stream ? 'in pieces' : 'whole'}`, () => {
    it('gives text, and what it used', async () => {
      const step = await ask(way, { text: 'Nothing to do.', usage: { input: 120, output: 7 } });
      assert.deepEqual([step.text, step.calls, step.end], ['Nothing to do.', [], 'said']);
      assert.deepEqual(step.usage, { input: 120, output: 7 });
      const [{ headers, body } = assert.fail()] = chat.requests;
      assert.equal(headers['user-agent'], 'Postern');
      if (way.provider === 'anthropic') {
        assert.equal(headers['x-api-key'], KEY);
        assert.equal(headers['anthropic-version'], '2023-06-01');
      } else assert.equal(headers.authorization, `Bearer ${KEY}`);
      assert.match(JSON.stringify(body), /You answer mail\./);
      assert.deepEqual(eventIn(chat.requests[0] ?? assert.fail()), { type: 'message.received' });
    });

    it('gives calls, and hands their answers back', async () => {
      const step = await ask(way, {
        text: 'I look.',
        calls: [{ name: 'get_message', input: { id: 'msg_1' } }],
      });
      const [call = assert.fail()] = step.calls;
      assert.deepEqual([call.tool, call.input, call.problem], ['get_message', { id: 'msg_1' }, null]);
      const answers = [
        { id: call.id, tool: call.tool, ok: true, output: { data: { subject: 'A "quote"' } } },
      ];
      // Through JSON, as it comes back from the ledger after a crash.
      const said = JSON.parse(JSON.stringify(step.said));
      const last = await ask(way, { text: 'Done.' }, { before: [{ said, answers }] });
      assert.equal(last.text, 'Done.');
      const [sent = assert.fail()] = chat.requests;
      assert.deepEqual(toolAnswers(sent), [{ data: { subject: 'A "quote"' } }]);
      assert.match(sent.raw, /I look\./);
    });

    it('tells of an unknown tool, and of input that is no JSON', async () => {
      const unknown = await ask(way, { calls: [{ name: 'rm_rf', input: {} }] });
      assert.match(unknown.calls[0]?.problem ?? '', /no tool of this name.*get_message/);
      if (way.provider === 'anthropic' && !way.stream) return; // there it is JSON already
      const broken = await ask(way, { calls: [{ name: 'get_message', input: '{"id": "ms' }] });
      assert.match(broken.calls[0]?.problem ?? '', /not JSON/);
      // What was said wrong must be sayable again, or the conversation could not go on.
      const answers = broken.calls.map(({ id, tool }) => ({ id, tool, ok: false, output: { error: {} } }));
      assert.equal((await ask(way, { text: 'ok' }, { before: [{ said: broken.said, answers }] })).text, 'ok');
    });

    it('tells of a refusal, of an answer that was cut, and of one that has no end', async () => {
      const refused = await ask(way, { refusal: 'I cannot help with that.' });
      assert.deepEqual([refused.end, refused.text], ['refused', 'I cannot help with that.']);
      const finish = way.provider === 'anthropic' ? 'max_tokens' : 'length';
      assert.equal((await ask(way, { text: 'It costs', finish })).end, 'cut');
      const broken = await failure(ask(way, { text: 'It costs', finish: null }).then(ended));
      assert.equal(broken.code, 'model_malformed');
    });

    it('fails with what can be done about it', async () => {
      const status = (status: number, message = 'no', headers = {}): Reply => ({
        raw: {
          status,
          headers: { 'content-type': 'application/json', ...headers },
          body: JSON.stringify({ type: 'error', error: { type: 'some_error', message } }),
        },
      });
      const busy = await failure(ask(way, status(429, 'slow down', { 'retry-after': '120' })));
      assert.equal(busy.code, 'model_unavailable');
      assert.ok(typeof busy.retry === 'object' && busy.retry.afterMs >= 120_000);
      assert.match(busy.message, /status 429: slow down\./);
      for (const code of [500, 529])
        assert.equal((await failure(ask(way, status(code)))).code, 'model_unavailable');
      const denied = await failure(ask(way, status(401, `wrong key ${KEY}`)));
      assert.deepEqual([denied.code, denied.retry], ['model_denied', 'never']);
      assert.match(denied.message, /wrong key \[secret\]/);
      for (const code of [400, 404])
        assert.equal((await failure(ask(way, status(code)))).code, 'model_rejected');
      assert.equal(
        (await failure(ask(way, status(502, `x${'y'.repeat(5_000)}`)))).message.length < 500,
        true,
      );
    });

    it('fails for what is no answer at all', async () => {
      const type = way.stream ? 'text/event-stream' : 'application/json';
      for (const body of [
        '',
        '<html>Bad gateway</html>',
        '{"choices":[]}',
        '[]',
        'data: {"x":\n\n',
        'data: [DONE]\n\n',
      ]) {
        const error = await failure(
          ask(way, { raw: { headers: { 'content-type': type }, body } }).then(ended),
        );
        assert.equal(error.code, 'model_malformed', body);
      }
    });

    it('fails for an answer that breaks off, does not end, or does not come', async () => {
      const cut = await failure(ask(way, { text: 'x'.repeat(500), cutAfter: 300 }));
      assert.equal(cut.code, 'model_unavailable');
      assert.equal((await failure(ask(way, { endless: true }))).code, 'model_malformed');
      assert.equal((await failure(ask(way, { hangs: true }, { timeoutMs: 50 }))).code, 'model_unavailable');
      const stop = new AbortController();
      const waiting = failure(ask(way, { hangs: true }, { signal: stop.signal }));
      await chat.asked(1);
      stop.abort();
      assert.equal((await waiting).code, 'stopping');
    });

    it('sends no key where there is none, and nothing to another place that it is sent on to', async () => {
      await ask(way, { text: 'ok' }, {}, null);
      const [{ headers } = assert.fail()] = chat.requests;
      assert.deepEqual([headers.authorization, headers['x-api-key']], [undefined, undefined]);
      const other = await startChatServer();
      try {
        const on = { raw: { status: 307, headers: { location: `${other.url}/chat/completions` }, body: '' } };
        assert.equal((await failure(ask(way, on))).code, 'egress_refused');
        assert.equal(other.requests.length, 0);
      } finally {
        await other.close();
      }
    });
  });

/** As the loop takes it: a step without an end is no answer. */
function ended(step: ModelStep): ModelStep {
  if (step.end === 'broken') throw new PosternError('model_malformed', 'it does not say how it ended');
  return step;
}

it('a stream that tells of an error in its middle is tried again where the server is busy', async () => {
  const error = { type: 'error', error: { type: 'overloaded_error', message: 'Overloaded' } };
  const body = `event: error\ndata: ${JSON.stringify(error)}\n\n`;
  const way = { provider: 'anthropic', stream: true } as const;
  const busy = await failure(ask(way, { raw: { headers: { 'content-type': 'text/event-stream' }, body } }));
  assert.equal(busy.code, 'model_unavailable');
});

it('a key that cannot be in a header is told of by its reference', async () => {
  const model = modelRun.parse({
    ...{ provider: 'anthropic', url: 'https://api.example/v1', name: 'm', instructions: 'x' },
    api_key_ref: 'env:KEY',
  });
  const apiKey = () => `${KEY}\nX-Other: 1`;
  const refused = await failure(askModel({ model, apiKey, attempt: 1, now: Date.now })(request()));
  assert.deepEqual([refused.code, refused.retry], ['header_invalid', 'never']);
  assert.match(refused.message, /x-api-key \(env:KEY\)/);
});

it('a private address is refused where the rule does not allow it', async () => {
  const model = modelRun.parse({
    provider: 'anthropic',
    url: 'https://127.0.0.1/v1',
    name: 'm',
    instructions: 'x',
  });
  const refused = await failure(askModel({ model, apiKey: () => KEY, attempt: 1, now: Date.now })(request()));
  assert.equal(refused.code, 'egress_refused');
});
