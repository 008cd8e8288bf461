// What kind of mapping stands where in a rules file, and the keys that it takes.
import { askWords, limitWords, mayWords } from '../contracts/agent-policy.ts';
import { digestWords, recipientsWords, sourceOptions, sourceWords } from '../contracts/digest.ts';
import { httpSinkWords, ingestWords, sinkWords } from '../contracts/knowledge-sink.ts';
import { instructionWords, modelWords, priceWords } from '../contracts/model-run.ts';
import {
  actionWords,
  agent,
  destinationWords,
  draftWords,
  forwardWords,
  moveWords,
  rule,
  ruleDefaults,
  rulesFile,
  runWords,
  webhookWords,
} from '../contracts/rule.ts';
import { attachmentCondition, conditionWords, sentCondition } from '../contracts/rule-condition.ts';

type Path = readonly PropertyKey[];

export interface Site {
  kind: string;
  words: readonly string[];
}

/** What kind of mapping is at a path, and the keys that it takes. */
export function siteOf(path: Path): Site {
  const last = path.at(-1);
  if (path.length === 0) return { kind: 'file', words: Object.keys(rulesFile.shape) };
  if (path[0] === 'defaults') return { kind: 'defaults', words: Object.keys(ruleDefaults.shape) };
  if (path[0] === 'agents') {
    if (path.length === 2) return { kind: 'agent', words: Object.keys(agent.shape) };
    if (last === 'run') return { kind: 'run', words: runWords };
    if (path[3] === 'needs_approval_when') return askSite(path);
    if (last === 'may') return { kind: 'may', words: mayWords };
    if (last === 'limits') return { kind: 'limits', words: limitWords };
    if (last === 'model') return { kind: 'model', words: modelWords };
    if (last === 'price') return { kind: 'price', words: priceWords };
    if (last === 'instructions') return { kind: 'instructions', words: instructionWords };
    return { kind: 'webhook', words: webhookWords };
  }
  if (path[0] === 'knowledge')
    return path.length === 2 ? { kind: 'sink', words: sinkWords } : { kind: 'http', words: httpSinkWords };
  if (path[0] === 'digests') return digestSite(path);
  if (path[0] === 'destinations' || (path[2] === 'then' && path[4] === 'post'))
    return { kind: 'destination', words: destinationWords };
  if (path.length === 2) return { kind: 'rule', words: Object.keys(rule.shape) };
  if (path[2] === 'then' && path[4] === 'move') return { kind: 'move', words: moveWords };
  if (path[2] === 'then' && path[4] === 'ingest') return { kind: 'ingest', words: ingestWords };
  if (path[2] === 'then' && path[4] === 'draft') return { kind: 'draft', words: draftWords };
  if (path[2] === 'then' && path[4] === 'forward') return { kind: 'forward', words: forwardWords };
  if (path[2] === 'then') return { kind: 'action', words: actionWords };
  if (last === 'attachment') return { kind: 'attachment', words: Object.keys(attachmentCondition.shape) };
  if (last === 'sent') return { kind: 'sent', words: Object.keys(sentCondition.shape) };
  return { kind: 'condition', words: conditionWords };
}

/** `outside_hours` has keys of its own; a reason itself is a word, or a mapping of one. */
const askSite = (path: Path): Site =>
  path.length > 5
    ? { kind: 'outside_hours', words: ['time', 'weekday', 'timezone'] }
    : { kind: 'reason', words: askWords };

function digestSite(path: Path): Site {
  if (path.length === 2) return { kind: 'digest', words: digestWords };
  if (path[2] === 'to') return { kind: 'recipients', words: recipientsWords };
  if (path.length === 4) return { kind: 'source', words: sourceWords };
  return { kind: 'options', words: sourceOptions[String(path[4])] ?? [] };
}
