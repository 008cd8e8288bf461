// What the loop of a model agent sees of a language model: a step in, a step out. provider.ts is the one adapter.

/** A tool as a model is told of it. */
export interface ToolView {
  name: string;
  description: string;
  /** JSON Schema of its input, an object. */
  inputSchema: Record<string, unknown>;
}

/** What a model asks of a tool. */
export interface ToolCall {
  /** The provider's own, unique within a conversation at best. */
  id: string;
  tool: string;
  input: unknown;
  /** Why it cannot be carried out as it stands: an unknown tool, or an input that is no JSON. */
  problem: string | null;
}

export interface ToolAnswer {
  id: string;
  tool: string;
  ok: boolean;
  /** JSON. */
  output: unknown;
}

/** What was said at a step, as the provider wants it back; JSON, and nobody else's business. */
export type SaidMessage = Record<string, unknown>;

export interface Exchange {
  said: SaidMessage;
  answers: readonly ToolAnswer[];
}

export interface Usage {
  input: number;
  output: number;
}

export interface ModelStep {
  text: string;
  calls: ToolCall[];
  /** `cut`: its tokens ended before it did. `broken`: the answer says nothing of its end. */
  end: 'said' | 'refused' | 'cut' | 'broken';
  /** Null where the server does not tell. */
  usage: Usage | null;
  said: SaidMessage;
}

export interface StepRequest {
  instructions: string;
  /** What the turn is about, as JSON. */
  event: string;
  before: readonly Exchange[];
  tools: readonly ToolView[];
  timeoutMs: number;
  signal: AbortSignal;
}

/** @throws PosternError that says whether the step may be asked for again */
export type AskModel = (request: StepRequest) => Promise<ModelStep>;
