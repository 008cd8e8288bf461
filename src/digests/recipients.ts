// Who a broadcast goes to: rows as they were written or found become recipients, each address once.
import { setImmediate as turn } from 'node:timers/promises';
import { language as languageTag } from '../contracts/digest.ts';
import { PosternError } from '../kernel/errors.ts';
import { parseRecipient } from '../mail/recipient.ts';
import { addressForm } from '../rules/addresses.ts';

export interface Recipient {
  address: string;
  name: string;
  language: string | null;
  /** What the template gets of them besides. */
  fields: Readonly<Record<string, unknown>>;
}

export const MOST_RECIPIENTS = 100_000;
const READ_AT_ONCE = 1_000; // some milliseconds: a hundred thousand take half a second, and others wait
const MAX_FIELDS = 50;
const MAX_FIELD_CHARS = 10_000; // of all fields of one together
const MAX_MISTAKES = 10;
const FIELD = /^[a-z][a-z0-9_]{0,62}$/;
/** What a template knows a recipient by itself. */
const OWN = new Set(['address', 'email', 'name', 'language']);

/**
 * @param rows addresses, or mappings with `address` (or `email`)
 * @throws PosternError `recipients_invalid` with the first mistakes: nobody is left out in silence
 */
export async function recipientsOf(
  rows: readonly (string | Readonly<Record<string, unknown>>)[],
): Promise<Recipient[]> {
  if (rows.length > MOST_RECIPIENTS)
    throw new PosternError(
      'recipients_invalid',
      `A broadcast goes to at most ${MOST_RECIPIENTS} recipients.`,
    );
  const found = new Map<string, Recipient>();
  const mistakes: string[] = [];
  for (const [i, row] of rows.entries()) {
    if (i > 0 && i % READ_AT_ONCE === 0) await turn();
    try {
      const recipient = recipientOf(row);
      const key = addressForm(recipient.address).address;
      if (!found.has(key)) found.set(key, recipient);
    } catch (error) {
      if (!(error instanceof PosternError)) throw error;
      if (mistakes.push(`${i + 1}: ${error.message}`) === MAX_MISTAKES) break;
    }
  }
  if (mistakes.length > 0)
    throw new PosternError(
      'recipients_invalid',
      `The list of recipients has mistakes: ${mistakes.join(' ')}`,
      {
        details: { problems: mistakes },
      },
    );
  return [...found.values()];
}

function recipientOf(row: string | Readonly<Record<string, unknown>>): Recipient {
  if (typeof row === 'string') return { ...parseRecipient(row), language: null, fields: {} };
  const written = row.address ?? row.email;
  if (typeof written !== 'string' || written.trim() === '')
    throw new PosternError('recipients_invalid', 'There is no `address`.');
  const { address, name } = parseRecipient(written.trim());
  const language = text(row.language);
  if (language !== '' && !languageTag.safeParse(language).success)
    throw new PosternError(
      'recipients_invalid',
      `The language ${JSON.stringify(language.slice(0, 30))} is none.`,
    );
  return {
    address,
    name: text(row.name) || name,
    language: language === '' ? null : language,
    fields: fieldsOf(row),
  };
}

function fieldsOf(row: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const fields = Object.entries(row).filter(([key]) => !OWN.has(key));
  const wrong = fields.find(([key]) => !FIELD.test(key));
  if (wrong)
    throw new PosternError(
      'recipients_invalid',
      `The column ${JSON.stringify(wrong[0].slice(0, 60))} has a name that no template can ask for: use lower-case letters, digits and underscores.`,
    );
  if (fields.length > MAX_FIELDS || JSON.stringify(fields).length > MAX_FIELD_CHARS)
    throw new PosternError('recipients_invalid', 'It has more fields than a template takes.');
  return Object.fromEntries(fields);
}

const text = (value: unknown): string => (typeof value === 'string' ? value.trim() : '');
