// Fills the tables that stand for connector_table(…): each call is an operation of the registry, run as the caller, so
// that what may not be asked over the other doors may not be asked here.
import { PosternError } from '../../kernel/errors.ts';
import { rowBytes, type SqlTable, type SqlValue } from '../../store/sql-sandbox.ts';
import { invoke } from '../invoke.ts';
import type { Context } from '../registry.ts';
import type { ConnectorShape } from './connector-columns.ts';
import type { ConnectorCall } from './statement.ts';
import { wrongAt } from './tokens.ts';

const MAX_OPERATIONS = 20; // of one query; every account of a call counts
const AT_ONCE = 4; // servers are slow, and this leaves connections for the others
const TIME_LIMIT_MS = 60_000; // of all operations of a query together: beside the limit of the query itself
const MAX_BYTES = 16 * 1024 * 1024; // of all their rows: they wait in memory

interface Task {
  call: ConnectorCall;
  shape: ConnectorShape;
  account: { id: string; label: string } | null;
  input: Record<string, unknown>;
}

/**
 * The tables in the order of the calls. `text` is the statement as it was written, for the places of errors.
 * @throws PosternError `sql_invalid`, `sql_result_too_large`, `sql_time_limit`, and what the operations throw
 */
export async function connectorTables(
  text: string,
  calls: readonly ConnectorCall[],
  shapes: ReadonlyMap<string, ConnectorShape>,
  context: Context,
): Promise<SqlTable[]> {
  const tasks: Task[] = [];
  for (const call of calls) {
    tasks.push(...(await tasksOf(text, call, shapes.get(call.operation) as ConnectorShape, context)));
    if (tasks.length > MAX_OPERATIONS) {
      throw wrongAt(text, call.offset, `A query may ask the connector ${MAX_OPERATIONS} times.`, NAME_THEM);
    }
  }
  const answers = await answersOf(text, tasks, context);
  return calls.map((call) => ({
    name: call.table,
    columns: shapes.get(call.operation)?.columns ?? [],
    rows: tasks.flatMap((task, i) => (task.call === call ? (answers[i] as SqlValue[][]) : [])),
  }));
}

const NAME_THEM =
  'Every account of a call counts: name those that matter, as {"account": ["sales", "support"]}.';

async function tasksOf(text: string, call: ConnectorCall, shape: ConnectorShape, context: Context) {
  const { account, ...rest } = readArgument(text, call);
  if (!shape.ofAccount) {
    if (account !== undefined) throw wrongAt(text, call.offset, `${call.operation} is asked of no account.`);
    return [{ call, shape, account: null, input: rest }];
  }
  if (Object.hasOwn(rest, 'id')) {
    throw wrongAt(text, call.offset, 'Name the account by "account".');
  }
  const accounts = await accountsOf(text, call, account, context);
  return accounts.map(({ id, settings }): Task => {
    const input = { ...rest, id };
    return { call, shape, account: { id, label: settings.label }, input };
  });
}

/** The named ones; all that are active where none is named. */
async function accountsOf(text: string, call: ConnectorCall, named: unknown, { rooms }: Context) {
  if (named === undefined) return (await rooms.accounts.list()).filter(({ settings }) => settings.active);
  const names: unknown[] = Array.isArray(named) ? named : [named];
  if (names.length > MAX_OPERATIONS || !names.every((name) => typeof name === 'string')) {
    throw wrongAt(text, call.offset, '"account" is a label or an id, or a list of them.', NAME_THEM);
  }
  const found = [];
  for (const name of new Set(names as string[])) found.push(await rooms.accounts.find(name));
  return found;
}

function readArgument(text: string, { argument, offset }: ConnectorCall): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(argument);
  } catch {
    throw wrongAt(text, offset, 'The input of connector_table is not valid JSON.');
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw wrongAt(text, offset, 'The input of connector_table must be a JSON object.');
  }
  return value as Record<string, unknown>;
}

async function answersOf(text: string, tasks: readonly Task[], context: Context): Promise<SqlValue[][][]> {
  const limit = AbortSignal.timeout(TIME_LIMIT_MS);
  const failed = new AbortController();
  const signal = AbortSignal.any([context.signal, limit, failed.signal]);
  const answers: SqlValue[][][] = [];
  let bytes = 0;
  let next = 0;
  const work = async (): Promise<void> => {
    for (let i = next++; i < tasks.length; i = next++) {
      signal.throwIfAborted();
      const rows = await ask(text, tasks[i] as Task, { ...context, signal });
      for (const row of rows) bytes += rowBytes(row);
      if (bytes > MAX_BYTES) {
        throw new PosternError('sql_result_too_large', 'What the connector answers is more than 16 MB.', {
          hint: 'Ask for fewer messages, or for less of each.',
        });
      }
      answers[i] = rows;
    }
  };
  const workers = Array.from({ length: Math.min(AT_ONCE, tasks.length) }, work);
  try {
    // An operation may not hear the signal at once: whoever asked does not wait for it.
    await Promise.race([Promise.all(workers), aborted(signal)]);
  } catch (error) {
    failed.abort(error);
    await Promise.allSettled(limit.aborted || context.signal.aborted ? [] : workers);
    if (limit.aborted) throw new PosternError('sql_time_limit', 'The mail servers took too long to answer.');
    throw error;
  }
  return answers;
}

const aborted = (signal: AbortSignal): Promise<never> =>
  new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason);
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });

async function ask(text: string, task: Task, context: Context): Promise<SqlValue[][]> {
  const { shape, account, call, input } = task;
  try {
    return shape.rowsOf(await invoke(shape.operation, context, input), account);
  } catch (error) {
    if (!(error instanceof PosternError)) throw error;
    if (error.code === 'invalid_input')
      throw wrongAt(text, call.offset, inputMessage(call, error), error.hint);
    const of = account === null ? '' : ` of ${account.label}`;
    throw new PosternError(error.code, `${call.operation}${of}: ${error.message}`, {
      retry: error.retry,
      details: error.details,
      cause: error,
      ...(error.hint === undefined ? {} : { hint: error.hint }),
    });
  }
}

function inputMessage({ operation }: ConnectorCall, error: PosternError): string {
  const { errors } = error.details as { errors?: { path: string; message: string }[] };
  const shown = (errors ?? [])
    .slice(0, 3)
    .map(({ path, message }) => (path ? `${path}: ${message}` : message));
  return `The input of ${operation} is not right: ${shown.join('; ') || error.message}`;
}
