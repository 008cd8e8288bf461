// A Postern of a test's own: the real process on embedded defaults, spoken to over its REST API and its live events.
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { AccountView } from '../../src/contracts/account.ts';
import type { DraftView, SubmissionView } from '../../src/contracts/draft.ts';
import type { LiveEvent } from '../../src/contracts/live-event.ts';
import type { Problem } from '../../src/contracts/page.ts';
import type { SessionView } from '../../src/contracts/session.ts';
import { type ServerProcess, startProcess } from './process.ts';

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url));
const PROJECT = fileURLToPath(new URL('../../', import.meta.url));
const WAIT_LIMIT_MS = 30_000;
export const ADMIN_TOKEN = 'an-admin-token-for-tests';

export interface GatewayOptions {
  /** File names to the text of rules. */
  rules?: Record<string, string>;
  env?: Record<string, string>;
  /** What stands after `start`. */
  flags?: readonly string[];
}

export interface Answer<T> {
  status: number;
  body: T & Partial<Problem>;
}

export class TestGateway {
  readonly folder: string;
  #env: Record<string, string>;
  readonly #flags: readonly string[];
  #process: ServerProcess | undefined;
  #output: () => string = () => '';
  #url = '';

  constructor(folder: string, env: Record<string, string>, flags: readonly string[] = []) {
    this.folder = folder;
    this.#env = env;
    this.#flags = flags;
  }

  get url(): string {
    return this.#url;
  }

  get pid(): number {
    return this.#process?.pid ?? 0;
  }

  /** What it logged since it was last started, also after its end. */
  log(): string {
    return this.#output();
  }

  /** Calls `seen` with each piece of output of the process that runs now. */
  onOutput(seen: (text: string) => void): void {
    this.#process?.onOutput(seen);
  }

  /** For the next start: besides what was given before. */
  setEnv(env: Record<string, string>): void {
    this.#env = { ...this.#env, ...env };
  }

  async start(): Promise<void> {
    await this.launch();
    if (await this.ready()) return;
    const log = this.log();
    await this.kill();
    throw new Error(`the gateway did not start:\n${log}`);
  }

  /** Starts the process and does not wait until it serves. */
  async launch(): Promise<void> {
    this.#url = '';
    this.#process = await startProcess(process.execPath, [MAIN, 'start', ...this.#flags], {
      cwd: PROJECT,
      env: {
        PATH: process.env.PATH ?? '',
        HOME: this.folder,
        POSTERN_DATA: join(this.folder, 'data'),
        POSTERN_RULES: join(this.folder, 'rules'),
        POSTERN_PORT: '0',
        POSTERN_ADMIN_TOKEN: ADMIN_TOKEN,
        POSTERN_LOG: 'info',
        ...this.#env,
      },
    });
    this.#output = this.#process.output;
  }

  /** True once it serves; false when it ended before, or needs more than 30 s. */
  async ready(): Promise<boolean> {
    const running = this.#process;
    if (!running) return false;
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const limit = setTimeout(() => resolve(false), WAIT_LIMIT_MS);
    void running.ended.then(() => resolve(false));
    const look = (): void => {
      if (running.output().includes('"msg":"postern runs"')) resolve(true);
    };
    running.onOutput(look);
    look();
    const serves = await promise;
    clearTimeout(limit);
    if (serves) this.#url = /"url":"([^"]+)"/.exec(running.output())?.[1] ?? '';
    return serves;
  }

  /** SIGTERM, and its orderly end. */
  async stop(): Promise<void> {
    await this.#process?.stop(15_000);
    this.#process = undefined;
  }

  /** SIGKILL to the gateway alone; what it started lives on, as after a crash. */
  async kill(): Promise<void> {
    const running = this.#process;
    if (!running) return;
    try {
      process.kill(running.pid, 'SIGKILL');
    } catch {
      // it has ended by itself
    }
    await running.ended;
    await running.stop(); // ends only what guards it: its number may soon be another process's
    this.#process = undefined;
  }

  async rules(name: string, text: string): Promise<void> {
    await writeFile(join(this.folder, 'rules', name), text);
  }

  async request<T = Record<string, unknown>>(
    method: string,
    path: string,
    body?: unknown,
    headers: Record<string, string> = {},
  ): Promise<Answer<T>> {
    const response = await fetch(this.#url + path, {
      method,
      headers: {
        authorization: `Bearer ${ADMIN_TOKEN}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    return { status: response.status, body: (text === '' ? {} : JSON.parse(text)) as T & Partial<Problem> };
  }

  async get<T = Record<string, unknown>>(path: string): Promise<T> {
    const { status, body } = await this.request<T>('GET', path);
    if (status !== 200) throw new Error(`GET ${path} answered ${status}: ${JSON.stringify(body)}`);
    return body;
  }

  async bytes(path: string): Promise<Buffer> {
    const response = await fetch(this.#url + path, { headers: { authorization: `Bearer ${ADMIN_TOKEN}` } });
    if (!response.ok) throw new Error(`GET ${path} answered ${response.status}`);
    return Buffer.from(await response.arrayBuffer());
  }

  drafts = async (state = 'waiting'): Promise<DraftView[]> =>
    (await this.get<{ data: DraftView[] }>(`/v1/drafts?state=${state}&limit=1000`)).data;
  sessions = async (): Promise<SessionView[]> =>
    (await this.get<{ data: SessionView[] }>('/v1/sessions?limit=1000')).data;
  submission = (id: string): Promise<SubmissionView> => this.get<SubmissionView>(`/v1/submissions/${id}`);

  /** Adds an account and waits until each of its mailboxes is watched. */
  async addAccount(input: Record<string, unknown>): Promise<AccountView> {
    const { status, body } = await this.request<AccountView>('POST', '/v1/accounts', input);
    if (status !== 201) throw new Error(`the account was not added: ${JSON.stringify(body)}`);
    return this.until(async () => {
      const account = await this.get<AccountView>(`/v1/accounts/${body.id}`);
      return ['idle', 'polling'].includes(account.status.state) ? account : null;
    });
  }

  /** Asks again at every live event until `look` finds something; it is asked once before the first. */
  async until<T>(look: () => Promise<T | null | undefined | false>, limitMs = WAIT_LIMIT_MS): Promise<T> {
    const limit = new AbortController();
    const timer = setTimeout(() => limit.abort(), limitMs);
    try {
      const events = this.events(limit.signal);
      await events.next(); // the stream is open: what happens from now on is heard
      for (;;) {
        const found = await look();
        if (found) return found;
        const { done } = await events.next();
        if (done)
          throw new Error(
            `what was waited for did not come within ${limitMs} ms; the log ends:\n${this.log().slice(-4_000)}`,
          );
      }
    } finally {
      clearTimeout(timer);
      limit.abort();
    }
  }

  /** Live events; the first item comes when the stream is open, and is null. Ends when the signal says so. */
  async *events(signal: AbortSignal): AsyncGenerator<LiveEvent | null> {
    try {
      const response = await fetch(`${this.#url}/v1/events`, {
        headers: { authorization: `Bearer ${ADMIN_TOKEN}` },
        signal,
      });
      yield null;
      let text = '';
      for await (const chunk of response.body as AsyncIterable<Uint8Array>) {
        text += Buffer.from(chunk).toString('utf8');
        for (let end = text.indexOf('\n\n'); end >= 0; end = text.indexOf('\n\n')) {
          const data = /^data: ?(.*)$/m.exec(text.slice(0, end))?.[1];
          text = text.slice(end + 2);
          if (data) yield JSON.parse(data) as LiveEvent;
        }
      }
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
    await rm(this.folder, { recursive: true, force: true });
  }
}

export async function startGateway(options: GatewayOptions = {}): Promise<TestGateway> {
  const gateway = await prepareGateway(options);
  await gateway.start();
  return gateway;
}

/** One that was not started yet: its folder holds nothing but its rules. */
export async function prepareGateway(options: GatewayOptions = {}): Promise<TestGateway> {
  const folder = await mkdtemp(join(tmpdir(), 'postern-gateway-'));
  await mkdir(join(folder, 'rules'));
  const gateway = new TestGateway(folder, options.env ?? {}, options.flags);
  for (const [name, text] of Object.entries(options.rules ?? {})) await gateway.rules(name, text);
  return gateway;
}
