// A server of language models for tests: it speaks OpenAI chat completions and Anthropic messages over HTTP, whole and as
// server-sent events, and says what the test has it say.
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text as textOf } from 'node:stream/consumers';
import { Waiting } from './waiting.ts';

export interface Call {
  name: string;
  /** A text is sent as it is, also where it is no JSON. */
  input: Record<string, unknown> | string;
}

export interface Reply {
  text?: string;
  calls?: Call[];
  /** Instead of `stop` and the like: as the protocol says it; null says nothing. */
  finish?: string | null;
  refusal?: string;
  /** Null leaves it out. */
  usage?: { input: number; output: number } | null;
  /** Anything else than an answer of a model. */
  raw?: { status?: number; headers?: Record<string, string>; body: string };
  /** Ends the connection after so many characters of the body. */
  cutAfter?: number;
  /** Never answers. */
  hangs?: true;
  /** Sends blanks without an end. */
  endless?: true;
}

export interface ChatRequest {
  path: string;
  headers: IncomingHttpHeaders;
  // biome-ignore lint/suspicious/noExplicitAny: whatever was sent; tests look where it matters
  body: any;
  raw: string;
}

export interface ChatServer {
  /** Where both protocols begin. */
  url: string;
  requests: ChatRequest[];
  answer: (request: ChatRequest, number: number) => Reply | Promise<Reply>;
  /** Until that many requests have come. */
  asked(times: number): Promise<void>;
  close(): Promise<void>;
}

const WAIT_LIMIT_MS = 20_000;

export async function startChatServer(): Promise<ChatServer> {
  const waiting = new Waiting(WAIT_LIMIT_MS, () => chat.requests.length);
  const server = createServer((req, res) => {
    respond(chat, req, res, () => waiting.tell()).catch((error: unknown) => {
      res.writeHead(418).end(String(error));
    });
  });
  const chat: ChatServer = {
    url: '',
    requests: [],
    answer: () => ({ text: 'Done.' }),
    asked: async (times) => void (await waiting.until(() => chat.requests.length >= times)),
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  chat.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`;
  return chat;
}

/** What the tools answered so far, as either protocol gives it back to the model: JSON. */
export function toolAnswers({ body }: ChatRequest): unknown[] {
  const found: unknown[] = [];
  for (const { role, content } of body.messages) {
    if (role === 'tool') found.push(JSON.parse(content));
    if (!Array.isArray(content)) continue;
    for (const part of content)
      if (part.type === 'tool_result')
        found.push(JSON.parse(typeof part.content === 'string' ? part.content : part.content[0].text));
  }
  return found;
}

/** The event that the model was given. */
// biome-ignore lint/suspicious/noExplicitAny: as `body`
export function eventIn({ body }: ChatRequest): any {
  const { content } = body.messages.find(({ role }: { role: string }) => role === 'user');
  return JSON.parse(typeof content === 'string' ? content : content[0].text);
}

async function respond(chat: ChatServer, req: IncomingMessage, res: ServerResponse, told: () => void) {
  const raw = await textOf(req);
  const request = { path: req.url ?? '', headers: req.headers, body: JSON.parse(raw || '{}'), raw };
  chat.requests.push(request);
  told();
  const reply = await chat.answer(request, chat.requests.length);
  if (reply.hangs) return;
  if (reply.raw) {
    const { status = 200, headers = { 'content-type': 'application/json' }, body } = reply.raw;
    res.writeHead(status, headers).end(body);
    return;
  }
  const speak = request.path.endsWith('/messages') ? anthropic : openai;
  const streams = request.body.stream === true;
  const body = streams ? sse(speak.pieces(reply)) : JSON.stringify(speak.whole(reply));
  res.writeHead(200, { 'content-type': streams ? 'text/event-stream' : 'application/json' });
  if (reply.endless) {
    const more = (): void => void res.write(' '.repeat(65_536), (error) => error ?? setImmediate(more));
    more();
    return;
  }
  if (reply.cutAfter === undefined) res.end(body);
  else res.write(body.slice(0, reply.cutAfter), () => res.destroy());
}

type Event = [name: string | null, data: unknown];

const sse = (events: Event[]): string =>
  events
    .map(([name, data]) => {
      const line = typeof data === 'string' ? data : JSON.stringify(data);
      return `${name === null ? '' : `event: ${name}\n`}data: ${line}\n\n`;
    })
    .join('');

let count = 0;
const callId = (): string => `call_${++count}`;
const inputOf = ({ input }: Call): string => (typeof input === 'string' ? input : JSON.stringify(input));
const usageOf = ({ usage = { input: 100, output: 10 } }: Reply) => usage;
/** In two halves, as text comes in pieces. */
const halves = (text: string): string[] => {
  const middle = Math.ceil(text.length / 2);
  return [text.slice(0, middle), text.slice(middle)];
};

const openai = {
  finish: ({ finish, calls }: Reply): string | null =>
    finish === undefined ? (calls ? 'tool_calls' : 'stop') : finish,
  usage: (reply: Reply) => {
    const usage = usageOf(reply);
    return usage && { prompt_tokens: usage.input, completion_tokens: usage.output };
  },
  calls: ({ calls = [] }: Reply) =>
    calls.map((call, index) => ({
      index,
      id: callId(),
      type: 'function',
      function: { name: call.name, arguments: inputOf(call) },
    })),
  whole(reply: Reply) {
    const calls = openai.calls(reply);
    const message = {
      role: 'assistant',
      content: reply.text ?? null,
      ...(reply.refusal === undefined ? {} : { refusal: reply.refusal }),
      ...(calls.length > 0 ? { tool_calls: calls } : {}),
    };
    return {
      id: 'chatcmpl-1',
      object: 'chat.completion',
      created: 1,
      model: 'test-model',
      choices: [{ index: 0, message, finish_reason: openai.finish(reply) }],
      usage: openai.usage(reply),
    };
  },
  pieces(reply: Reply): Event[] {
    const piece = (delta: unknown, more: object = {}): Event => [
      null,
      {
        id: 'chatcmpl-1',
        object: 'chat.completion.chunk',
        created: 1,
        model: 'test-model',
        choices: [{ index: 0, delta, finish_reason: null, ...more }],
      },
    ];
    const calls = openai.calls(reply).flatMap((call) => {
      const [first, second] = halves(call.function.arguments);
      return [
        piece({ tool_calls: [{ ...call, function: { ...call.function, arguments: first } }] }),
        piece({ tool_calls: [{ index: call.index, function: { arguments: second } }] }),
      ];
    });
    return [
      piece({ role: 'assistant', content: '' }),
      ...(reply.text === undefined ? [] : halves(reply.text).map((content) => piece({ content }))),
      ...(reply.refusal === undefined ? [] : [piece({ refusal: reply.refusal })]),
      ...calls,
      ...(openai.finish(reply) === null ? [] : [piece({}, { finish_reason: openai.finish(reply) })]),
      ...(openai.usage(reply) === null
        ? []
        : ([[null, { id: 'chatcmpl-1', choices: [], usage: openai.usage(reply) }]] satisfies Event[])),
      [null, '[DONE]'],
    ];
  },
};

const anthropic = {
  finish: ({ finish, calls, refusal }: Reply): string | null =>
    finish === undefined ? (refusal !== undefined ? 'refusal' : calls ? 'tool_use' : 'end_turn') : finish,
  blocks: ({ text, refusal, calls = [] }: Reply) => [
    ...(text === undefined && refusal === undefined ? [] : [{ type: 'text', text: text ?? refusal ?? '' }]),
    ...calls.map((call) => ({ type: 'tool_use', id: callId(), name: call.name, input: inputOf(call) })),
  ],
  whole(reply: Reply) {
    const { input, output } = usageOf(reply) ?? { input: 0, output: 0 };
    return {
      type: 'message',
      id: 'msg_1',
      model: 'test-model',
      role: 'assistant',
      content: anthropic
        .blocks(reply)
        .map((block) => ('input' in block ? { ...block, input: JSON.parse(block.input) } : block)),
      stop_reason: anthropic.finish(reply),
      stop_sequence: null,
      usage: { input_tokens: input, output_tokens: output },
    };
  },
  pieces(reply: Reply): Event[] {
    const { input, output } = usageOf(reply) ?? { input: 0, output: 0 };
    const { content: _, stop_reason: __, ...message } = anthropic.whole({ ...reply, calls: [] });
    const event = (data: { type: string } & Record<string, unknown>): Event => [data.type, data];
    const blocks = anthropic.blocks(reply).flatMap((block, index) => [
      event({
        type: 'content_block_start',
        index,
        content_block: 'input' in block ? { ...block, input: {} } : { ...block, text: '' },
      }),
      ...halves('input' in block ? block.input : (block.text ?? '')).map((half) =>
        event({
          type: 'content_block_delta',
          index,
          delta:
            'input' in block
              ? { type: 'input_json_delta', partial_json: half }
              : { type: 'text_delta', text: half },
        }),
      ),
      event({ type: 'content_block_stop', index }),
    ]);
    return [
      event({
        type: 'message_start',
        message: {
          ...message,
          content: [],
          stop_reason: null,
          usage: { input_tokens: input, output_tokens: 1 },
        },
      }),
      ...blocks,
      event({
        type: 'message_delta',
        delta: { stop_reason: anthropic.finish(reply), stop_sequence: null },
        usage: { output_tokens: output },
      }),
      event({ type: 'message_stop' }),
    ];
  },
};
