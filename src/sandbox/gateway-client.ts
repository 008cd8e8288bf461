// The sandbox speaks to Postern over its REST API alone, as any other client does.
import type { LiveEvent } from '../contracts/live-event.ts';
import type { Page, Problem } from '../contracts/page.ts';
import { PosternError } from '../kernel/errors.ts';

const ANSWER_LIMIT_MS = 30_000; // approving and sign-in tests ask other servers; nothing takes longer than their deadline
const MAX_EVENT_CHARS = 65_536; // an event holds ids and states

export class GatewayClient {
  readonly url: string;
  readonly #token: string;
  readonly #stopped = new AbortController();

  constructor(url: string, token: string) {
    this.url = url;
    this.#token = token;
  }

  get<T>(path: string): Promise<T> {
    return this.#ask<T>('GET', path);
  }

  post<T>(path: string, body: unknown): Promise<T> {
    return this.#ask<T>('POST', path, body);
  }

  /** One page of a list; the sandbox never has more. */
  async list<T>(path: string): Promise<T[]> {
    return (await this.get<Page<T>>(path)).data;
  }

  /** @throws PosternError with the code and the words of the gateway's problem details */
  async #ask<T>(method: string, path: string, body?: unknown): Promise<T> {
    const response = await fetch(new URL(path, this.url), {
      method,
      headers: {
        authorization: `Bearer ${this.#token}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: AbortSignal.any([this.#stopped.signal, AbortSignal.timeout(ANSWER_LIMIT_MS)]),
    });
    const answer: unknown = response.status === 204 ? null : await response.json();
    if (response.ok) return answer as T;
    const problem = answer as Problem;
    throw new PosternError(problem.code, problem.detail, problem.hint ? { hint: problem.hint } : {});
  }

  /**
   * Opens /v1/events and calls `heard` for every event until `close`. Resolves when the stream is open: whatever happens
   * after that is heard. `lost` is told when the stream ends without being asked to.
   */
  async follow(heard: (event: LiveEvent) => void, lost: (error: unknown) => void): Promise<void> {
    const response = await fetch(new URL('/v1/events', this.url), {
      headers: { authorization: `Bearer ${this.#token}`, accept: 'text/event-stream' },
      signal: this.#stopped.signal,
    });
    if (!response.ok || !response.body) {
      throw new PosternError('events_refused', `/v1/events answers with status ${response.status}.`);
    }
    void readEvents(response.body, heard).then(
      () => this.#stopped.signal.aborted || lost(new Error('the stream of events ended')),
      (error: unknown) => this.#stopped.signal.aborted || lost(error),
    );
  }

  close(): void {
    this.#stopped.abort();
  }
}

/** Reads server-sent events as the HTML standard writes them (§9.2.6), as far as the gateway uses them. */
async function readEvents(
  body: ReadableStream<Uint8Array>,
  heard: (event: LiveEvent) => void,
): Promise<void> {
  let rest = '';
  for await (const chunk of body.pipeThrough(new TextDecoderStream())) {
    const blocks = (rest + chunk).split('\n\n');
    rest = blocks.pop() ?? '';
    if (rest.length > MAX_EVENT_CHARS) throw new Error('an event is longer than any that the gateway sends');
    for (const block of blocks) {
      const data = block
        .split('\n')
        .filter((line) => line.startsWith('data:'))
        .map((line) => line.slice('data:'.length).trimStart());
      if (data.length > 0) heard(JSON.parse(data.join('\n')) as LiveEvent);
    }
  }
}
