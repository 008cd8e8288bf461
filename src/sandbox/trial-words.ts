// What happened in a trial, in words for whoever writes the agent: an entry of the session's record, a draft, the end. Pure.
import type { DraftView } from '../contracts/draft.ts';
import type { SessionView } from '../contracts/session.ts';
import type { SessionRecord } from '../contracts/session-record.ts';

const MAX_VALUE_CHARS = 500; // of one value in a line
/** What an entry of a kind says by its kind alone. */
const UNSAID = new Set(['turn_id', 'session_id']);

/** `refused  reply_to_message: the policy …`. */
export function recordInWords({ kind, data }: SessionRecord): string {
  const values = Object.entries(data).filter(([key, value]) => value !== null && !UNSAID.has(key));
  return (
    values.map(([key, value]) => `${key.replaceAll('_', ' ')}: ${valueInWords(value)}`).join('; ') || kind
  );
}

function valueInWords(value: unknown): string {
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return text.length > MAX_VALUE_CHARS ? `${text.slice(0, MAX_VALUE_CHARS).toWellFormed()}…` : text;
}

/** The draft as it would leave, and why it does not by itself. */
export function draftInWords(draft: DraftView): string {
  const people = (list: DraftView['to']): string =>
    list.map(({ name, address }) => (name ? `${name} <${address}>` : address)).join(', ');
  const head = [
    `To:      ${people(draft.to)}`,
    ...(draft.cc.length > 0 ? [`Cc:      ${people(draft.cc)}`] : []),
    ...(draft.bcc.length > 0 ? [`Bcc:     ${people(draft.bcc)}`] : []),
    `Subject: ${draft.subject}`,
    ...draft.attachments.map(({ filename, size }) => `File:    ${filename} (${size} bytes)`),
  ];
  const fate =
    draft.state === 'approved'
      ? ['It would leave by itself: its policy lets it go.']
      : ['It would wait for a person:', ...draft.reasons.map((reason) => `  - ${reason}`)];
  return [...head, '', draft.text.trimEnd(), '', ...fate].join('\n');
}

export function endInWords({ state, summary, question, error }: SessionView): string {
  const more = [summary, question && `It asks: ${question}`, error].filter(Boolean);
  return [`The session is ${state}.`, ...more].join(' ');
}
