// The actions of a rule, from how they are written to how the other rooms see them.
import { ingestOptions } from '../contracts/knowledge-sink.ts';
import type { Destination, RuleAction, WrittenAction } from '../contracts/rule.ts';
import { type AutomaticReply, automaticReply } from '../contracts/template.ts';
import { PosternError } from '../kernel/errors.ts';
import { parseRecipient } from '../mail/recipient.ts';
import type { Place } from './list-checks.ts';

/** RFC 9051 §2.3.2, less `\Deleted` and `\Recent`, which no rule sets. */
const SYSTEM_FLAGS: Readonly<Record<string, string>> = {
  seen: '\\Seen',
  answered: '\\Answered',
  flagged: '\\Flagged',
  draft: '\\Draft',
};

export interface ReadAction {
  action: RuleAction;
  /** The destination that the action describes where it stands; it goes by the name that the action has. */
  inline?: Destination;
}

/** @param inlineName the name of a destination that is described here */
export function readAction(written: WrittenAction, inlineName: string, place: Place): ReadAction {
  if (written === 'ingest') return { action: { ingest: ingestOptions.parse({}) } };
  if (typeof written === 'string')
    return { action: written === 'stop' ? { stop: true } : { mark_seen: true } };
  if ('post' in written) {
    if (typeof written.post === 'string') return { action: { post: written.post } };
    return { action: { post: inlineName }, inline: written.post };
  }
  if ('move' in written) {
    const { move } = written;
    return { action: { move: typeof move === 'string' ? { mailbox: move, create: false } : move } };
  }
  if ('flag' in written) return { action: { flag: flagsOf([written.flag].flat()) } };
  if ('draft' in written) return { action: { draft: draftOf(written.draft, place) } };
  if ('forward' in written) return { action: { forward: forwardOf(written.forward, place) } };
  return { action: written };
}

function flagsOf(words: readonly string[]): { add: string[]; remove: string[] } {
  const form = (word: string): string => {
    const name = word.startsWith('\\') ? word.slice(1) : word;
    return SYSTEM_FLAGS[name.toLowerCase()] ?? name;
  };
  return {
    add: words.filter((word) => !word.startsWith('!')).map(form),
    remove: words.filter((word) => word.startsWith('!')).map((word) => form(word.slice(1))),
  };
}

type WrittenDraft = Extract<WrittenAction, { draft: unknown }>['draft'];

/** The rest is as the schema has it where `draft` is a mapping. */
function draftOf(written: WrittenDraft, place: Place): AutomaticReply {
  if (typeof written === 'string') return automaticReply.parse({ template: written });
  checkAddresses('draft', written.addresses ?? [], place);
  return written;
}

function checkAddresses(action: string, addresses: readonly string[], { path, report }: Place): void {
  for (const address of addresses) {
    try {
      parseRecipient(address);
    } catch (error) {
      if (!(error instanceof PosternError)) throw error;
      report(path, `\`${action}\`: ${error.message}`);
    }
  }
}

type WrittenForward = Extract<WrittenAction, { forward: unknown }>['forward'];
type Forward = Extract<RuleAction, { forward: unknown }>['forward'];

function forwardOf(written: WrittenForward, place: Place): Forward {
  const whole: Exclude<WrittenForward, string | string[]> =
    typeof written === 'string' || Array.isArray(written)
      ? { to: written, send: 'approve', limit: FORWARD_LIMIT }
      : written;
  const to = [whole.to].flat();
  checkAddresses('forward', to, place);
  return { ...whole, to };
}

/** As the schema has it where `forward` is a mapping. */
const FORWARD_LIMIT = '20/1h';
