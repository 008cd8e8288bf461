// Model agents wired: each with its server, its key by reference, and the tools of whoever holds its session's token.
import type { ModelRun } from '../../contracts/model-run.ts';
import type { Store } from '../../store/store.ts';
import type { Runner } from '../runner.ts';
import type { AskModel } from './chat.ts';
import { LedgerJournal } from './journal.ts';
import { askModel } from './provider.ts';
import { modelRunner } from './runner.ts';
import type { ToolBox } from './tools.ts';
import type { ModelCounts } from './usage.ts';

export interface ModelParts {
  store: Store;
  resolveSecret: (reference: string) => string;
  now: () => number;
  tools: ToolBox;
  counts: ModelCounts;
}

/** The runner of an agent that is a model. */
export function modelRunners({
  store,
  resolveSecret,
  now,
  tools,
  counts,
}: ModelParts): (model: ModelRun) => Runner {
  const journal = new LedgerJournal(store);
  return (model) => {
    const { api_key_ref: reference } = model;
    const apiKey = (): string | null => (reference === undefined ? null : resolveSecret(reference).trim());
    const ask = (attempt: number): AskModel => askModel({ model, apiKey, attempt, now });
    return modelRunner({ journal, tools, counts, ask }, model);
  };
}
