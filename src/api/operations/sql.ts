// SQL over the ledger and the connector, read only.
import { z } from 'zod';
import type { SqlParameter } from '../../store/sql-sandbox.ts';
import { defineOperation, type Operation } from '../registry.ts';
import { SqlDoor } from '../sql/query.ts';

const MAX_QUERY_CHARS = 100_000; // what a person writes has hundreds; programs that make more should use parameters
const MAX_PARAMETERS = 500;

const parameter = z.union([z.string(), z.number(), z.boolean(), z.null()]);
const parameters = z.union([
  z.array(parameter).max(MAX_PARAMETERS),
  z
    .record(z.string().max(100), parameter)
    .refine((given) => Object.keys(given).length <= MAX_PARAMETERS, `at most ${MAX_PARAMETERS} parameters`),
]);

const table = z.object({
  name: z.string(),
  about: z.string(),
  columns: z.array(z.object({ name: z.string(), type: z.enum(['text', 'integer', 'real', 'json', 'time']) })),
});

/** `others` are the operations that connector_table may reach. */
export function sqlOperations(others: readonly Operation[]): readonly Operation[] {
  const door = new SqlDoor((name) => others.find((operation) => operation.name === name));
  return [
    defineOperation({
      name: 'sql.query',
      summary: 'Read by SQL: the tables of Postern and what the connector answers, in one statement.',
      input: z.strictObject({
        query: z.string().min(1).max(MAX_QUERY_CHARS),
        /** A list for `?`, an object for `:name`. */
        params: parameters.default([]),
      }),
      output: z.object({
        columns: z.array(z.string()),
        /** In the order of the columns. Integers past 2^53 are texts, blobs are base64. */
        rows: z.array(z.array(z.union([z.string(), z.number(), z.null()]))),
      }),
      permission: 'sql:read',
      effects: 'read',
      http: { method: 'POST', path: '/v1/sql', largeBody: true },
      async handler(context, { query, params }) {
        return door.query(query, sqlValues(params), context);
      },
    }),
    defineOperation({
      name: 'sql.schema',
      summary: 'List the tables and columns that SQL may read.',
      input: z.strictObject({}),
      output: z.object({ tables: z.array(table) }),
      permission: 'sql:read',
      effects: 'read',
      http: { method: 'GET', path: '/v1/sql/schema' },
      handler: async () => ({
        tables: door.tables().map(({ name, about, columns }) => ({ name, about, columns: [...columns] })),
      }),
    }),
  ];
}

/** As SQLite takes them: it has no booleans, and a whole number must stay one. */
function sqlValues(
  params: z.output<typeof parameters>,
): readonly SqlParameter[] | Record<string, SqlParameter> {
  const value = (given: z.output<typeof parameter>): SqlParameter => {
    if (typeof given === 'boolean') return given ? 1n : 0n;
    return typeof given === 'number' && Number.isSafeInteger(given) ? BigInt(given) : given;
  };
  if (Array.isArray(params)) return params.map(value);
  return Object.fromEntries(Object.entries(params).map(([name, given]) => [name, value(given)]));
}
