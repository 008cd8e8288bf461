// What an agent does that obeys every word of a mail: it reads all that it can get hold of, finds the orders in it, tries
// each of them through every door that it knows, and answers what the customer asked for besides.
import type { AgentAction, SessionEvent } from '../../src/contracts/session.ts';
import { BENIGN, DEEDS } from './deeds.ts';
import { type Order, type OrderKind, ordersIn, textsIn } from './orders.ts';

const CALL_LIMIT_MS = 30_000;

/** One try of an order: a call with its status, or an action of the answer with its place in it. */
export type Attempt =
  | { order: OrderKind; door: 'call'; call: string; status: number; code: string }
  | { order: OrderKind; door: 'tool'; tool: string; state: string; code: string; draft: string | null }
  | { order: OrderKind; door: 'action'; type: string; index: number };

/** What the agent saw and did, as it tells the test. */
export interface Report {
  session: string;
  turn: number;
  messageId: string;
  token: string;
  orders: Order[];
  attempts: Attempt[];
  /** All that it was given, by whichever door. */
  got: string[];
}

export interface Means {
  /** By which door it calls its tools. */
  door: 'rest' | 'mcp';
  /** Texts of the attachments and names of files, where it has them. */
  files: readonly string[];
  environment: Readonly<Record<string, string | undefined>>;
  /** Starts something that outlives the turn. */
  stay?: () => void;
}

export async function obey(
  event: SessionEvent,
  means: Means,
): Promise<{ actions: AgentAction[]; report: Report }> {
  const tries = new Tries(event, means);
  const { session, message } = event.data;
  await tries.read();
  const orders = ordersIn(textsIn(tries.got));
  for (const order of orders) await DEEDS[order.kind](tries.under(order.kind), order.what);
  tries.actions.push({ type: 'reply', text: BENIGN });
  return {
    actions: tries.actions,
    report: {
      session: session.id,
      turn: session.turn,
      messageId: message.message_id ?? '',
      token: session.token,
      orders,
      attempts: tries.attempts,
      got: [...textsIn(tries.got)],
    },
  };
}

export class Tries {
  readonly event: SessionEvent;
  readonly means: Means;
  readonly actions: AgentAction[] = [];
  readonly attempts: Attempt[] = [];
  /** All that it was given so far. */
  readonly got: unknown[];
  #order: OrderKind = 'accounts';

  constructor(event: SessionEvent, means: Means) {
    this.event = event;
    this.means = means;
    this.got = [event, means.files];
  }

  get sender(): string {
    return this.event.data.message.from?.address ?? 'nobody@evil.example';
  }

  get account(): string {
    return this.event.data.account.id;
  }

  /** All that an agent may rightly read of its own thread. */
  async read(): Promise<void> {
    const { message, session } = this.event.data;
    for (const path of [
      `/messages/${message.id}`,
      `/threads/${message.thread_id}`,
      '/messages?limit=100',
      `/sessions/${session.id}`,
      '/knowledge?query=assistant&limit=20',
    ])
      this.got.push((await this.#fetch('GET', path)).body);
    for (const { id } of message.attachments)
      this.got.push((await this.#tool('get_attachment', { id: message.id, attachment: id })).body);
  }

  /** A try by a tool that it has, or would like to have. */
  async tool(tool: string, input: Record<string, unknown>): Promise<Record<string, unknown>> {
    const { status, body } = await this.#tool(tool, input);
    this.got.push(body);
    const said = (body ?? {}) as Record<string, unknown>;
    const state = status < 300 ? String(said.state ?? 'done') : 'error';
    const draft = typeof said.draft_id === 'string' ? said.draft_id : null;
    const code = String(said.code ?? '');
    this.attempts.push({ order: this.#order, door: 'tool', tool, state, code, draft });
    return said;
  }

  async #tool(name: string, input: Record<string, unknown>): Promise<{ status: number; body: unknown }> {
    if (this.means.door === 'mcp') return this.#overMcp(name, input);
    const { method, path } = TOOLS[name] ?? { method: 'POST' as const, path: `/${name}` };
    const inPath = new Set<string>();
    const filled = path.replace(/\{(\w+)\}/g, (_, field: string) => {
      inPath.add(field);
      return encodeURIComponent(String(input[field]));
    });
    const rest = Object.fromEntries(Object.entries(input).filter(([field]) => !inPath.has(field)));
    return method === 'GET'
      ? this.#fetch('GET', `${filled}?${new URLSearchParams(rest as Record<string, string>)}`)
      : this.#fetch(method, filled, rest);
  }

  /** One call, without a session: what a plain script does. */
  async #overMcp(name: string, input: Record<string, unknown>): Promise<{ status: number; body: unknown }> {
    const { mcp, token } = this.event.data.session;
    const response = await fetch(mcp, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${token}`,
        'content-type': 'application/json',
        accept: 'application/json, text/event-stream',
        'mcp-protocol-version': '2025-11-25',
      },
      signal: AbortSignal.timeout(CALL_LIMIT_MS),
      body: JSON.stringify({
        jsonrpc: '2.0',
        id: 1,
        method: 'tools/call',
        params: { name, arguments: input },
      }),
    });
    const said = await response.text();
    const data = said.startsWith('{') ? said : (/^data: (\{.*)$/m.exec(said)?.[1] ?? '{}');
    const { result, error } = jsonOf(data) as {
      result?: { isError?: boolean; content?: { text?: string }[] };
      error?: { message?: string };
    };
    const isRefused = error !== undefined || result === undefined || result.isError === true;
    const text = result?.content?.[0]?.text ?? '';
    const body = error ? { code: 'not_found', detail: error.message } : jsonOf(text);
    return { status: isRefused ? 400 : 200, body };
  }

  /** A try over REST that is to be refused. */
  async call(method: string, path: string, body?: unknown, token?: string): Promise<void> {
    const answer = await this.#fetch(method, path, body, token);
    this.got.push(answer.body);
    const { code } = (answer.body ?? {}) as { code?: unknown };
    const call = `${method} ${path.replace(/\?.*/, '')}`;
    this.attempts.push({
      order: this.#order,
      door: 'call',
      call,
      status: answer.status,
      code: String(code ?? ''),
    });
  }

  /** What it may do, on the way to what it may not. */
  async mine(tool: string, input: Record<string, unknown>): Promise<Record<string, unknown>> {
    return ((await this.#tool(tool, input)).body ?? {}) as Record<string, unknown>;
  }

  /** A try as an action of the answer. */
  act(action: AgentAction): void {
    this.attempts.push({ order: this.#order, door: 'action', type: action.type, index: this.actions.length });
    this.actions.push(action);
  }

  /** For the tries that follow. */
  under(order: OrderKind): this {
    this.#order = order;
    return this;
  }

  async #fetch(
    method: string,
    path: string,
    body?: unknown,
    token = this.event.data.session.token,
  ): Promise<{ status: number; body: unknown }> {
    const { api } = this.event.data.session;
    const url = path.startsWith('/v1') || path === '/metrics' ? new URL(path, api).href : `${api}${path}`;
    const response = await fetch(url, {
      method,
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      signal: AbortSignal.timeout(CALL_LIMIT_MS),
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const said = await response.text();
    return { status: response.status, body: jsonOf(said) };
  }
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** The tools as they stand over REST. */
export const TOOLS: Readonly<Record<string, { method: 'GET' | 'POST' | 'PATCH'; path: string }>> = {
  get_message: { method: 'GET', path: '/messages/{id}' },
  get_thread: { method: 'GET', path: '/threads/{id}' },
  search_messages: { method: 'GET', path: '/messages' },
  get_attachment: { method: 'GET', path: '/messages/{id}/attachments/{attachment}/text' },
  reply_to_message: { method: 'POST', path: '/messages/{id}/reply' },
  forward_message: { method: 'POST', path: '/messages/{id}/forward' },
  send_message: { method: 'POST', path: '/messages' },
  create_draft: { method: 'POST', path: '/drafts' },
  update_draft: { method: 'PATCH', path: '/drafts/{id}' },
  get_draft: { method: 'GET', path: '/drafts/{id}' },
  add_label: { method: 'POST', path: '/messages/{id}/label' },
  mark_message: { method: 'POST', path: '/messages/{id}/mark' },
  move_message: { method: 'POST', path: '/messages/{id}/move' },
};
