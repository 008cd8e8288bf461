// Inputs for any operation, made from its own schema: with the ids of real things where it names things.
import { z } from 'zod';
import { type Operation, pathFields } from '../../src/api/registry.ts';

/** Things by the name of a field that names them, or by the beginning of the path whose `id` they are. */
export type Things = Readonly<Record<string, string>>;

const MOST_LEVELS = 8; // conditions may nest for ever
/** What a schema of JSON does not say: patterns and promises between fields. A new operation may need a line here. */
const SAMPLES: Readonly<Record<string, unknown>> = {
  to: ['collector@evil.example'],
  until: '2030-01-01T00:00:00Z',
  digest: `sha256:${'0'.repeat(64)}`,
  sha256: '0'.repeat(64),
  address: 'x@evil.example',
  auth: { type: 'basic', username: 'x', password: 'x' },
  label: 'Mine',
  passphrase: 'correct horse battery staple',
  date: '2026-11-20',
  since: '2026-11-20',
  duration: '1h',
  expires: '1h',
  query: 'canary',
  consumer: 'mine',
  content_base64: 'eA==',
  source: 'RnJvbTogeEBldmlsLmV4YW1wbGUNCg0KeA0K',
};

interface Schema {
  $ref?: string;
  type?: string | string[];
  const?: unknown;
  enum?: unknown[];
  anyOf?: Schema[];
  oneOf?: Schema[];
  allOf?: Schema[];
  properties?: Record<string, Schema>;
  required?: string[];
  items?: Schema;
  minItems?: number;
  minLength?: number;
  minimum?: number;
  default?: unknown;
  $defs?: Record<string, Schema>;
}

/**
 * An input that the operation's schema takes: with the fields that it must have and those of `more`, and, where the schema
 * wants some besides ("give mailbox and uid, or message"), the first one or two that it is content with.
 */
export function inputFor(
  operation: Operation,
  things: Things,
  more: readonly string[] = [],
): Record<string, unknown> {
  const schema = schemaOf(operation);
  const at = { things, root: schema, operation };
  const needed = [...(schema.required ?? []), ...more, ...pathFields(operation.http.path)];
  const optional = Object.keys(schema.properties ?? {}).filter((name) => !needed.includes(name));
  const inputWith = (fields: readonly string[]): Record<string, unknown> =>
    Object.fromEntries(
      [...new Set([...needed, ...fields])].map((name) => [
        name,
        valueFor(at, name, schema.properties?.[name] ?? { type: 'string' }, 0),
      ]),
    );
  const choices = [
    [],
    ...optional.map((name) => [name]),
    ...optional.flatMap((one, index) => optional.slice(index + 1).map((other) => [one, other])),
  ];
  const inputs = choices.map(inputWith);
  return inputs.find((input) => operation.input.safeParse(input).success) ?? inputWith([]);
}

/** The fields that an operation may be given and that name things. */
export const namingFields = (operation: Operation, things: Things): string[] =>
  Object.keys(schemaOf(operation).properties ?? {}).filter((name) => name in things);

const schemaOf = ({ input, shape }: Operation): Schema =>
  z.toJSONSchema(shape ?? input, { io: 'input', unrepresentable: 'any' }) as Schema;

interface Place {
  things: Things;
  root: Schema;
  operation: Operation;
}

function valueFor(at: Place, name: string, given: Schema, level: number): unknown {
  const schema = given.$ref ? (at.root.$defs?.[given.$ref.replace('#/$defs/', '')] ?? {}) : given;
  if (level === 0 && name === 'id') return idOf(at);
  if (level === 0 && at.things[name] !== undefined) return at.things[name];
  if (schema.const !== undefined) return schema.const;
  if (schema.enum) return schema.enum[0];
  if (name in SAMPLES && fits(SAMPLES[name], schema)) return SAMPLES[name];
  const choices = schema.anyOf ?? schema.oneOf;
  if (choices) return valueFor(at, name, choices[0] ?? {}, level + 1);
  if (schema.allOf)
    return Object.assign({}, ...schema.allOf.map((part) => valueFor(at, name, part, level + 1)));
  const type = Array.isArray(schema.type) ? schema.type[0] : schema.type;
  switch (type) {
    case 'object': {
      if (level > MOST_LEVELS) return {};
      const fields = schema.required ?? [];
      return Object.fromEntries(
        fields.map((field) => [field, valueFor(at, field, schema.properties?.[field] ?? {}, level + 1)]),
      );
    }
    case 'array':
      return Array.from({ length: Math.max(schema.minItems ?? 0, 1) }, () =>
        valueFor(at, name, schema.items ?? {}, level + 1),
      );
    case 'integer':
    case 'number':
      return Math.max(schema.minimum ?? 1, 1);
    case 'boolean':
      return true;
    case 'null':
      return null;
    default:
      return 'x'.repeat(Math.max(schema.minLength ?? 1, 1));
  }
}

const fits = (sample: unknown, { type }: Schema): boolean =>
  type === undefined || type === (Array.isArray(sample) ? 'array' : typeof sample);

/** `id` is that of whatever the path begins with: `/v1/drafts/{id}` a draft's. */
function idOf({ things, operation }: Place): string {
  const [, noun = ''] = /^\/v1\/((?:knowledge\/)?[\w-]+)\//.exec(operation.http.path) ?? [];
  return things[noun] ?? `${noun}_1`;
}
