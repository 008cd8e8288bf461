// Whether an error is the ledger's own: its disk is full, its file locked or broken. Whatever was being written is not to
// blame for that, and is tried again for as long as it lasts.
import { codeOf } from '../kernel/errors.ts';

/** SQLite's primary result codes (sqlite.org/rescode.html) that say nothing of the statement. */
const FAULTS = new Set([
  ...[5 /* busy */, 6 /* locked */, 7 /* out of memory */, 8 /* read only */, 9 /* interrupted */],
  ...[
    10 /* input or output */, 11 /* corrupt */, 13 /* disk full */, 14 /* cannot open */, 15 /* protocol */,
  ],
  ...[26 /* not a database */],
]);
const OWN_FAULTS = new Set(['ledger_stuck', 'ledger_not_flushed']);
const PRIMARY = 0xff; // extended codes say more in the higher bits

export function isLedgerFault(error: unknown): boolean {
  if (OWN_FAULTS.has(codeOf(error))) return true;
  const { code, errcode } = (error ?? {}) as { code?: unknown; errcode?: unknown };
  return code === 'ERR_SQLITE_ERROR' && typeof errcode === 'number' && FAULTS.has(errcode & PRIMARY);
}
