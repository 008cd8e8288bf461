// Calling an operation: the same four steps behind every door. May the caller? Is the input right? Do it. Is the answer
// of the shape that was promised? The last step also cuts off whatever a room gave too much.
import { codeOf, PosternError } from '../kernel/errors.ts';
import { demand, identityOf } from './access.ts';
import { invalidInput } from './invalid-input.ts';
import { spendAnswer, spendCall } from './quota.ts';
import type { Context, Operation } from './registry.ts';
import { type Called, recordCall, recordRefusal } from './session-record.ts';
import { demandTool, narrowed } from './tools.ts';

const MAX_NESTING = 64; // conditions inside conditions; whatever is deeper would only exhaust the stack

/** Whether objects and lists lie deeper in each other than `levels`. */
function nests(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return false;
  if (levels === 0) return true;
  return Object.values(value).some((inner) => nests(inner, levels - 1));
}

/** @throws PosternError `invalid_input` */
export function readInput(operation: Operation, input: unknown): unknown {
  if (nests(input, MAX_NESTING)) {
    throw new PosternError('invalid_input', `The input nests more than ${MAX_NESTING} levels.`);
  }
  const parsed = operation.input.safeParse(input);
  if (!parsed.success) throw invalidInput(parsed.error);
  return parsed.data;
}

type Caller = Pick<Context, 'principal' | 'rooms'>;

/** Whether the caller may, before anything of the input is read. @throws PosternError `forbidden` */
export async function admit(
  operation: Called & Pick<Operation, 'permission'>,
  caller: Caller,
): Promise<void> {
  try {
    demand(caller.principal, operation.permission);
    demandTool(caller.principal, operation, caller.rooms.rules.current());
  } catch (error) {
    await recordRefusal(operation, caller, error);
    throw error;
  }
}

/** The input, read; what a session asks for that cannot be stands in its record. @throws PosternError `invalid_input` */
export async function hear(operation: Operation, caller: Caller, input: unknown): Promise<unknown> {
  try {
    return readInput(operation, input);
  } catch (error) {
    await recordRefusal(operation, caller, error);
    throw error;
  }
}

/** @throws PosternError `forbidden`, `invalid_input`, and what the handler throws */
export async function invoke(operation: Operation, context: Context, input: unknown): Promise<unknown> {
  await admit(operation, context);
  return perform(operation, context, await hear(operation, context, input));
}

/**
 * With input that `hear` gave, for a principal that may. The audit hears of it where the operation keeps one, and the
 * session's record of each call: of a change before it is made, so that a crash in the middle leaves a trace.
 */
export async function perform(operation: Operation, asked: Context, input: unknown): Promise<unknown> {
  if (asked.principal.kind === 'key') return performAudited(operation, asked, input);
  const { rooms } = asked;
  const principal = narrowed(asked.principal, rooms.rules.current());
  const context = { ...asked, principal };
  try {
    const isFree = operation.tool?.always === true;
    if (!isFree) await spendCall(rooms.store, principal);
    if (operation.effects !== 'read') await recordCall(operation, context, input);
    const answer = await performAudited(operation, context, input);
    if (operation.effects === 'read') await recordCall(operation, context, input);
    return isFree ? answer : await spendAnswer(rooms.store, principal, answer);
  } catch (error) {
    await recordRefusal(operation, context, error);
    throw error;
  }
}

async function performAudited(operation: Operation, context: Context, input: unknown): Promise<unknown> {
  if (!operation.audit) return act(operation, context, input);
  const { audit } = context.rooms;
  const entry = {
    principal: identityOf(context.principal),
    operation: operation.name,
    target: await operation.audit(context, input),
    request_id: context.requestId,
  };
  // Before a change, so that a crash in the middle of one leaves a trace.
  if (operation.effects !== 'read') await audit.record({ ...entry, outcome: 'begun', code: null });
  try {
    const answer = await act(operation, context, input);
    await audit.record({ ...entry, outcome: 'ok', code: null });
    return answer;
  } catch (error) {
    await audit.record({ ...entry, outcome: 'failed', code: codeOf(error) });
    throw error;
  }
}

async function act(operation: Operation, context: Context, input: unknown): Promise<unknown> {
  const answer = await operation.handler(context, input);
  const checked = operation.output.safeParse(answer);
  if (checked.success) return checked.data;
  // Not the ZodError itself: the answer may hold what must not come into a log.
  const where = checked.error.issues.slice(0, 5).map((issue) => `${issue.path.join('.')}: ${issue.code}`);
  throw new Error(`The answer of ${operation.name} has not its promised shape: ${where.join('; ')}`);
}
