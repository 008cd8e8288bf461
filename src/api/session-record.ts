// What a session calls, in its record: each call with what it asks for, and each refusal with its code. No text of a mail
// and no file comes into it whole: those stand in drafts and messages.
import type { RecordData, RecordValue } from '../contracts/session-record.ts';
import { codeOf, explain, PosternError } from '../kernel/errors.ts';
import { runningTurn } from '../sessions/live-turn.ts';
import { record } from '../sessions/record.ts';
import { keptQuery } from '../store/kept-query.ts';
import type { Tx } from '../store/store.ts';
import type { Principal } from './access.ts';
import type { Operation } from './registry.ts';
import type { Rooms } from './rooms.ts';

const SHOWN_CHARS = 200; // of each text
const SHOWN_ITEMS = 20; // of each list
const DEEPEST = 4;
/** Entries of a turn above the calls that it may make: what it is refused, and what costs it nothing. */
const SPARE_ENTRIES = 500;
const CALLS = 1_000; // where it is not known how many it may make

interface Call {
  principal: Principal;
  rooms: Rooms;
}

/** What is called: an operation, or a stream that stands beside them. */
export type Called = Pick<Operation, 'name' | 'tool' | 'ofTool'>;

/** The name that its agent calls it by. */
const nameOf = ({ name, tool, ofTool }: Called): string => tool?.name ?? ofTool ?? name;

/**
 * Nothing for an operator's key: the audit is the record of those.
 * @throws PosternError `calls_limit` where the record of the turn is full: what is not recorded is not done
 */
export async function recordCall(operation: Called, call: Call, input: unknown): Promise<void> {
  const data = { call: nameOf(operation), operation: operation.name, input: shown(input, 0) };
  if (!(await add(call, 'called', data)))
    throw new PosternError(
      'calls_limit',
      'The turn has made all the calls that it may, and as many that it may not.',
    );
}

/** A call that failed or was refused. Should this not be written, the log has it, and the caller hears of the refusal. */
export async function recordRefusal(operation: Called, call: Call, error: unknown): Promise<void> {
  const data = {
    call: nameOf(operation),
    operation: operation.name,
    code: codeOf(error),
    reason: codeOf(error) === 'internal' ? 'an internal error' : explain(error).slice(0, 1000),
  };
  await add(call, 'refused', data).catch((failed: unknown) =>
    call.rooms.log.error({ ...data, error: explain(failed) }, 'a refusal could not be recorded'),
  );
}

/** A call of what is no tool, or none that this agent has: nothing ran, and the record says what was tried. */
export async function recordUnknownTool(name: string, call: Call): Promise<void> {
  const data = {
    call: name.slice(0, SHOWN_CHARS),
    code: 'not_found',
    reason: 'This agent has no tool of that name.',
  };
  await add(call, 'refused', data).catch((failed: unknown) =>
    call.rooms.log.error({ ...data, error: explain(failed) }, 'a refusal could not be recorded'),
  );
}

/** False where the record of the turn is full: an agent that calls in a circle must not fill the disk with it. */
async function add(
  { principal, rooms }: Call,
  kind: 'called' | 'refused',
  data: RecordData,
): Promise<boolean> {
  if (principal.kind !== 'session') return true;
  await rooms.secretsKnown?.();
  const turn = await runningTurn(rooms.store, principal);
  const entry = { sessionId: principal.sessionId, turnId: turn?.id ?? null };
  const most = (principal.capability?.quota.calls ?? CALLS) + SPARE_ENTRIES;
  return rooms.store.write(async (tx) => {
    const entries = turn === null ? 0 : await entriesOf(tx, turn.id);
    if (entries < most) await record(rooms, tx, { ...entry, kind, data });
    else if (entries === most) await record(rooms, tx, { ...entry, kind: 'refused', data: FULL });
    return entries < most;
  });
}

const FULL = {
  call: 'turn',
  code: 'calls_limit',
  reason: 'What else it calls in this turn is refused, and is not recorded.',
};

const entriesIn = keptQuery((db, turnId: string) =>
  db
    .selectFrom('turn_records')
    .select((eb) => eb.fn.countAll<number>().as('entries'))
    .where('turn_id', '=', turnId),
);

async function entriesOf(tx: Tx, turnId: string): Promise<number> {
  const [row] = await entriesIn(tx, turnId);
  return Number(row?.entries ?? 0);
}

function shown(value: unknown, depth: number): RecordValue {
  if (typeof value === 'string')
    return value.length > SHOWN_CHARS ? `${value.slice(0, SHOWN_CHARS)}… (${value.length})` : value;
  if (typeof value === 'number' || typeof value === 'boolean' || value === null) return value;
  if (typeof value !== 'object' || depth === DEEPEST) return '…';
  if (Array.isArray(value)) return value.slice(0, SHOWN_ITEMS).map((item) => shown(item, depth + 1));
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, item]) => item !== undefined)
      .map(([key, item]) => [
        key,
        key === 'content_base64' && typeof item === 'string'
          ? `${item.length} characters of base64`
          : shown(item, depth + 1),
      ]),
  );
}
