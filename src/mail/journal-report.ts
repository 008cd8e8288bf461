// The text of a journal report: how Exchange, and servers that do as it does, note the envelope of a mail that they copy
// to a journal mailbox. A field in each line; a recipient may say through which group it came, or for whom:
//
//     Sender: ann@company.example
//     Message-Id: <1@company.example>
//     To: bob@company.example, Expanded: sales@company.example
//     Bcc: eve@company.example
//
// (Exchange, "Journal reports"; the fields are in English whatever the server's language.)
import type { JournalEnvelope } from '../contracts/mail-event.ts';
import { decodeWords } from './encoded-words.ts';

const MAX_LINES = 20_000; // a mail to a whole company, by groups; some are told of in several reports
const MAX_VALUE_CHARS = 2000;
const LINE = /^([A-Za-z][A-Za-z-]{0,40}):[ \t]*(.*)$/;
const THROUGH = /,\s*(expanded|forwarded):\s*([^,]+)/gi;

const FIELDS = new Map([
  ['to', 'to'],
  ['cc', 'cc'],
  ['bcc', 'bcc'],
  ['recipient', 'recipient'],
] as const);
type Field = JournalEnvelope['recipients'][number]['field'];

/** Null where the text is no report: it names no sender, or nobody to whom the mail went. */
export function readJournalReport(text: string): JournalEnvelope | null {
  const lines = text.split(/\r?\n/, MAX_LINES + 1);
  const envelope: JournalEnvelope = {
    ...{ sender: null, on_behalf_of: null, message_id: null, subject: null },
    ...{ recipients: [], truncated: lines.length > MAX_LINES },
  };
  for (const line of unfolded(lines.slice(0, MAX_LINES))) {
    const [, name = '', rest = ''] = LINE.exec(line.slice(0, MAX_VALUE_CHARS)) ?? [];
    const value = rest.trim();
    const word = name.toLowerCase();
    const field = FIELDS.get(word as Field);
    if (field) {
      const recipient = recipientOf(field, value);
      if (recipient) envelope.recipients.push(recipient);
    } else if (word === 'sender') envelope.sender ??= addressOf(value);
    else if (word === 'on-behalf-of') envelope.on_behalf_of ??= addressOf(value) || null;
    else if (word === 'message-id') envelope.message_id ??= value || null;
    else if (word === 'subject') envelope.subject ??= decodeWords(value);
  }
  return envelope.sender === null || envelope.recipients.length === 0 ? null : envelope;
}

/** A line that begins with white space goes on with the one before. */
function* unfolded(lines: readonly string[]): Generator<string> {
  let open: string | undefined;
  for (const line of lines) {
    if (open !== undefined && /^[ \t]+\S/.test(line) && open.length < MAX_VALUE_CHARS)
      open += ` ${line.trim()}`;
    else {
      if (open !== undefined) yield open;
      open = line;
    }
  }
  if (open !== undefined) yield open;
}

function recipientOf(field: Field, value: string): JournalEnvelope['recipients'][number] | null {
  const through: Record<string, string> = {};
  for (const [, word = '', address = ''] of value.matchAll(THROUGH))
    through[word.toLowerCase()] ??= addressOf(address);
  const address = addressOf(value.replace(THROUGH, ''));
  if (address === '') return null;
  return { address, field, expanded: through.expanded ?? null, forwarded: through.forwarded ?? null };
}

/** `Ann <ann@company.example>` or the bare address; an empty one is the null sender of a bounce. */
const addressOf = (value: string): string => (/<([^<>]*)>\s*$/.exec(value)?.[1] ?? value).trim();
