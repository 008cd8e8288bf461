// Settings as they stand in the ledger, read once: an account is asked for with every mail and every job, and its text
// changes only when somebody changes the account.
import { type AccountSettings, accountSettings } from '../contracts/account.ts';

const MAX_KEPT = 4_096; // more accounts than one process watches; what is dropped is read again
const known = new Map<string, AccountSettings>();

/** The settings, frozen, because all who ask share them. @throws ZodError for a text that Postern did not write */
export function settingsOf(text: string): AccountSettings {
  const kept = known.get(text);
  if (kept) return kept;
  const settings = frozen(accountSettings.parse(JSON.parse(text)));
  const [oldest] = known.size < MAX_KEPT ? [] : known.keys();
  if (oldest !== undefined) known.delete(oldest);
  known.set(text, settings);
  return settings;
}

function frozen<T>(value: T): T {
  if (typeof value !== 'object' || value === null) return value;
  for (const inner of Object.values(value)) frozen(inner);
  return Object.freeze(value);
}
