// The one door of the AI SDK: a step of a conversation with a model that speaks OpenAI chat completions or Anthropic
// messages. The loop, its limits and the calls of tools are ours, so that each is recorded and judged in one place.
import type { ModelMessage, ToolSet } from 'ai';
import type { ModelRun } from '../../contracts/model-run.ts';
import { PosternError } from '../../kernel/errors.ts';
import { scrubber } from '../../kernel/scrubber.ts';
import type { Lookup } from '../../network/public-address.ts';
import { secretHeaders } from '../../network/secret-headers.ts';
import type { AskModel, Exchange, ModelStep, SaidMessage, StepRequest, ToolCall, ToolView } from './chat.ts';
import { egressFetch } from './egress-fetch.ts';
import { type FailedStep, malformedAnswer, refusedByServer, unreachable } from './failures.ts';

export interface ProviderOptions {
  model: ModelRun;
  /** Read at every step, so that it can be changed without a restart; null where there is none. */
  apiKey: () => string | null;
  attempt: number;
  now: () => number;
  /** Resolves names; the system's resolver where absent. */
  lookup?: Lookup | undefined;
}

type Sdk = typeof import('ai');

/** Loaded when the first model is asked: it takes 30 MB, and many run without any. */
let loading: Promise<Sdk> | undefined;
async function sdk(): Promise<Sdk> {
  loading ??= import('ai').then((module) => {
    // Its warnings would go to stderr past the log; what matters of them comes as an error.
    globalThis.AI_SDK_LOG_WARNINGS = false;
    return module;
  });
  return loading;
}

/** The steps of one attempt of a turn. */
export function askModel(options: ProviderOptions): AskModel {
  const { origin } = new URL(options.model.url);
  return async (request) => {
    const key = options.apiKey();
    const step = { origin, attempt: options.attempt, now: options.now(), scrub: scrubber([key ?? '']) };
    const ai = await sdk();
    const result = await generate(ai, options, request, key).catch((error: unknown) => {
      throw request.signal.aborted ? stopped(request.signal) : failureOf(ai, error, step);
    });
    return stepOf(result, request.tools);
  };
}

type Result = Awaited<ReturnType<typeof generate>>;

async function generate(ai: Sdk, options: ProviderOptions, request: StepRequest, key: string | null) {
  const { model } = options;
  const settings = {
    model: await languageModel(options, request, key),
    instructions: request.instructions,
    messages: [{ role: 'user' as const, content: request.event }, ...request.before.flatMap(messagesOf)],
    tools: toolSet(ai, request.tools),
    maxRetries: 0, // an attempt of the turn is the retry
    abortSignal: request.signal,
    telemetry: { isEnabled: false },
    ...(model.temperature === undefined ? {} : { temperature: model.temperature }),
    ...(model.max_output_tokens === undefined ? {} : { maxOutputTokens: model.max_output_tokens }),
  };
  if (!model.stream) {
    const { text, toolCalls, finishReason, rawFinishReason, usage, responseMessages } =
      await ai.generateText(settings);
    return { text, toolCalls, finishReason, rawFinishReason, usage, responseMessages };
  }
  let failure: unknown;
  const stream = ai.streamText({
    ...settings,
    onError: ({ error }) => {
      failure ??= error;
    },
  });
  try {
    await stream.consumeStream({
      onError: (error) => {
        failure ??= error;
      },
    });
    if (failure !== undefined) throw failure;
    const [text, toolCalls, finishReason, rawFinishReason, usage, responseMessages] = await Promise.all([
      ...([stream.text, stream.toolCalls, stream.finishReason] as const),
      ...([stream.rawFinishReason, stream.usage, stream.responseMessages] as const),
    ]);
    return { text, toolCalls, finishReason, rawFinishReason, usage, responseMessages };
  } catch (error) {
    throw failure ?? error;
  }
}

async function languageModel({ model, lookup }: ProviderOptions, request: StepRequest, key: string | null) {
  const { api_key_ref: reference = '' } = model;
  const fetch = (header: string, value: string) =>
    egressFetch({
      credentials: key === null ? {} : secretHeaders({ [header]: reference }, () => value),
      allowPrivate: model.allow_private,
      timeoutMs: request.timeoutMs,
      signal: request.signal,
      lookup,
    });
  const baseURL = model.url.replace(/\/+$/, '');
  if (model.provider === 'anthropic') {
    const { createAnthropic } = await import('@ai-sdk/anthropic');
    // It wants a key, and would look for one in the environment: the real one is put in at the door.
    return createAnthropic({ baseURL, apiKey: 'none', fetch: fetch('x-api-key', key ?? '') })(model.name);
  }
  const { createOpenAICompatible } = await import('@ai-sdk/openai-compatible');
  return createOpenAICompatible({
    name: 'model',
    baseURL,
    includeUsage: true,
    fetch: fetch('authorization', `Bearer ${key ?? ''}`),
  }).chatModel(model.name);
}

/** Without `execute`: what is called comes back to us. Inputs are checked where they are carried out. */
function toolSet(ai: Sdk, tools: readonly ToolView[]): ToolSet {
  return Object.fromEntries(
    tools.map(({ name, description, inputSchema }) => [
      name,
      ai.tool({ description, inputSchema: ai.jsonSchema(inputSchema) }),
    ]),
  );
}

function messagesOf({ said, answers }: Exchange): ModelMessage[] {
  const assistant = said as unknown as ModelMessage;
  if (answers.length === 0) return [assistant];
  return [
    assistant,
    {
      role: 'tool',
      content: answers.map(({ id, tool, ok, output }) => ({
        type: 'tool-result' as const,
        toolCallId: id,
        toolName: tool,
        output: { type: ok ? ('json' as const) : ('error-json' as const), value: output as never },
      })),
    },
  ];
}

function stepOf(result: Result, tools: readonly ToolView[]): ModelStep {
  const { usage } = result;
  const said = result.responseMessages.find(({ role }) => role === 'assistant');
  return {
    text: result.text,
    calls: result.toolCalls.map((call): ToolCall => {
      const { toolCallId: id, toolName: tool, input } = call;
      return { id, tool, input, problem: call.invalid ? problemOf(tool, tools) : null };
    }),
    end: endOf(result),
    usage:
      usage.inputTokens === undefined && usage.outputTokens === undefined
        ? null
        : { input: usage.inputTokens ?? 0, output: usage.outputTokens ?? 0 },
    // Through JSON, as it comes back from the ledger.
    said: JSON.parse(JSON.stringify(said ?? { role: 'assistant', content: [] })) as SaidMessage,
  };
}

function problemOf(tool: string, tools: readonly ToolView[]): string {
  const known = tools.map(({ name }) => name);
  return known.includes(tool)
    ? 'The input is not JSON.'
    : `There is no tool of this name. There are: ${known.join(', ') || 'none'}.`;
}

function endOf({ finishReason, rawFinishReason, toolCalls }: Result): ModelStep['end'] {
  if (finishReason === 'content-filter') return 'refused';
  if (finishReason === 'length') return 'cut';
  if (finishReason === 'stop' || finishReason === 'tool-calls') return 'said';
  if (finishReason === 'error' || rawFinishReason === 'error') return 'broken';
  // Some servers leave the reason out where tools are called; one that says nothing at all was cut off.
  return rawFinishReason !== undefined || toolCalls.length > 0 ? 'said' : 'broken';
}

/** Never the library's own error: it holds the request, and the mail with it. */
function failureOf(ai: Sdk, error: unknown, step: FailedStep): unknown {
  const ours = ourError(error);
  if (ours) return unreachable(ours, step);
  if (ai.StreamProviderError.isInstance(error))
    return refusedByServer(
      {
        status: error.statusCode ?? (error.isRetryable ? 503 : 400),
        retryAfter: undefined,
        message: error.message,
      },
      step,
    );
  if (ai.APICallError.isInstance(error))
    return refusedByServer(
      {
        status: error.statusCode,
        retryAfter: error.responseHeaders?.['retry-after'],
        message: error.statusCode !== undefined && error.statusCode >= 400 ? error.message : '',
      },
      step,
    );
  if (ai.AISDKError.isInstance(error)) return malformedAnswer(step.origin, error.name.replace(/^AI_/, ''));
  return (
    serverSaid(error, step) ?? malformedAnswer(step.origin, error instanceof Error ? error.name : 'an error')
  );
}

const stopped = ({ reason }: AbortSignal): PosternError =>
  reason instanceof PosternError
    ? reason
    : new PosternError('stopping', 'The request was interrupted because Postern stops.', { retry: 'later' });

/** Our own errors come back wrapped in the library's. */
function ourError(error: unknown): PosternError | null {
  let inner = error;
  for (let depth = 0; inner instanceof Error && depth < 5; depth++) {
    if (inner instanceof PosternError) return inner;
    inner = inner.cause;
  }
  return null;
}

/** In the middle of a stream a server tells of an error as an object: `{ "message", "type" | "code" }`. */
function serverSaid(error: unknown, step: FailedStep): PosternError | null {
  if (error instanceof Error || typeof error !== 'object' || error === null) return null;
  const { message, type, code } = error as Record<string, unknown>;
  const isBusy = /overloaded|rate_limit|unavailable|server_error|api_error|timeout/i.test(`${type} ${code}`);
  const status = isBusy || Number(code) >= 500 || Number(code) === 429 ? 503 : 400;
  return refusedByServer(
    { status, retryAfter: undefined, message: typeof message === 'string' ? message : '' },
    step,
  );
}
