// Model agents wired: each with its server, its key by reference, and the tools of whoever holds its session's token.
import type { ModelRun } from '../../contracts/model-run.ts';
import type { Agent } from '../../contracts/rule.ts';
import type { Runner } from '../runner.ts';
import type { AskModel } from './chat.ts';
import { type JournalParts, LedgerJournal } from './journal.ts';
import { askModel } from './provider.ts';
import { modelRunner } from './runner.ts';
import type { ToolBox } from './tools.ts';
import type { ModelCounts } from './usage.ts';

export interface ModelParts extends JournalParts {
  resolveSecret: (reference: string) => string;
  tools: ToolBox;
  counts: ModelCounts;
}

/** The runner of an agent that is a model. */
export function modelRunners(
  parts: ModelParts,
): (model: ModelRun, limits: Pick<Agent['limits'], 'cost'>) => Runner {
  const { resolveSecret, tools, counts, clock } = parts;
  const journal = new LedgerJournal(parts);
  return (model, { cost: mostCost }) => {
    const { api_key_ref: reference } = model;
    const apiKey = (): string | null => (reference === undefined ? null : resolveSecret(reference).trim());
    const ask = (attempt: number): AskModel => askModel({ model, apiKey, attempt, now: clock.now });
    return modelRunner({ journal, tools, counts, ask, mostCost }, model);
  };
}
