// The port to the tools of a session, and what a model is given of their results. Whoever runs a model calls tools as an
// agent of any other kind does: with the token of its session, which is looked at anew at each call.
import { explain, type PosternError } from '../../kernel/errors.ts';
import type { ToolView } from './chat.ts';

export interface SessionTool extends ToolView {
  /** A call that succeeds ends the turn: there is nothing more to say. */
  ends?: boolean;
}

export interface SessionCall {
  tool: string;
  input: unknown;
  /** Counts the calls of the turn from 0, the same in every attempt: what comes a second time takes effect once. */
  index: number;
  signal: AbortSignal;
}

export interface ToolBox {
  /** Those that the session of this token has now. @throws PosternError `unauthorized` for a token that is dead */
  list(token: string): Promise<readonly SessionTool[]>;
  /**
   * Does it, as far as policy lets it, and records it.
   * @throws PosternError `unauthorized`, `forbidden`, `not_found`, `invalid_input`, and what the operation throws
   */
  call(token: string, call: SessionCall): Promise<unknown>;
}

const LARGEST_RESULT_CHARS = 60_000; // some 15,000 tokens, and sent again with every step that follows
/** Tried in order, until what is left of a result is small enough. */
const CUTS = [
  { chars: 20_000, items: 200 },
  { chars: 4_000, items: 50 },
  { chars: 1_000, items: 20 },
  { chars: 200, items: 10 },
];
const DEEPEST = 12;

/** A result as a model gets it: JSON under a name that says what it is, cut where it is too large. */
export function resultForModel(result: unknown): Record<string, unknown> {
  const { value, cut } = bounded(result ?? null, LARGEST_RESULT_CHARS);
  return { data: value, ...(cut ? { cut: true } : {}) };
}

/** What was refused or failed, so that a model can do better. */
export function errorForModel(error: PosternError): Record<string, unknown> {
  return { error: { code: error.code, message: explain(error).slice(0, 2_000) } };
}

/** JSON of at most so many characters: texts and lists are cut first where they are longest. */
export function bounded(value: unknown, largest: number): { value: unknown; cut: boolean } {
  const whole = JSON.stringify(value) ?? 'null';
  if (whole.length <= largest) return { value: JSON.parse(whole), cut: false };
  for (const limit of CUTS) {
    const less = shortened(JSON.parse(whole), limit, 0);
    if (JSON.stringify(less).length <= largest) return { value: less, cut: true };
  }
  return { value: whole.slice(0, Math.floor(largest / 8)), cut: true }; // quoted once more it grows
}

function shortened(value: unknown, limit: (typeof CUTS)[number], depth: number): unknown {
  if (typeof value === 'string')
    return value.length > limit.chars ? `${value.slice(0, limit.chars)}…` : value;
  if (typeof value !== 'object' || value === null) return value;
  if (depth === DEEPEST) return '…';
  if (Array.isArray(value))
    return value.slice(0, limit.items).map((item) => shortened(item, limit, depth + 1));
  return Object.fromEntries(
    Object.entries(value)
      .slice(0, limit.items)
      .map(([key, item]) => [key, shortened(item, limit, depth + 1)]),
  );
}
