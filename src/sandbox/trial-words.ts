// What happened in a trial, in words for whoever writes the agent: an entry of the session's record, a draft, the end. Pure.
import type { DraftView } from '../contracts/draft.ts';
import type { SessionView } from '../contracts/session.ts';
import type { SessionRecord } from '../contracts/session-record.ts';

const MAX_VALUE_CHARS = 500; // of one value in a line
const MAX_WORDS_CHARS = 100; // of what an agent wrote: the draft below shows it whole

/** An entry of the session's record; what the agent answered one action a line. */
export function recordInWords({ kind, data }: SessionRecord): string {
  if (kind === 'answered' && Array.isArray(data.actions))
    return (
      data.actions.map((action) => actionInWords(action as Record<string, unknown>)).join('\n') || 'nothing'
    );
  const values = Object.entries(data).filter(([, value]) => value !== null);
  return (
    values.map(([key, value]) => `${key.replaceAll('_', ' ')}: ${valueInWords(value)}`).join('; ') || kind
  );
}

function valueInWords(value: unknown, most = MAX_VALUE_CHARS): string {
  const text = (typeof value === 'string' ? value : JSON.stringify(value)).replace(/\s+/g, ' ');
  return text.length > most ? `${text.slice(0, most).toWellFormed()}…` : text;
}

function actionInWords({ type, ...rest }: Record<string, unknown>): string {
  const said = Object.entries(rest).filter(([, value]) => !(Array.isArray(value) && value.length === 0));
  const words = said.map(([key, value]) => `${key}: ${valueInWords(value, MAX_WORDS_CHARS)}`);
  return [String(type), words.join('; ')].filter(Boolean).join('  ');
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
  const fate = {
    approved: ['It would leave by itself: its policy lets it go.'],
    waiting: ['It would wait for a person:', ...draft.reasons.map((reason) => `  - ${reason}`)],
    rejected: [`It was rejected: ${draft.feedback ?? 'without a word'}.`],
    superseded: ['Another one took its place.'],
    withdrawn: ['The agent took it back.'],
  }[draft.state];
  return [...head, '', draft.text.trimEnd(), '', ...fate].join('\n');
}

export function endInWords({ state, summary, question, error }: SessionView): string {
  if (state === 'running' || state === 'queued') return 'The agent failed; Postern would try it again later.';
  const more = [summary, question && `It asks: ${question}`, error].filter(Boolean);
  return [`The session is ${state}.`, ...more].join(' ');
}
