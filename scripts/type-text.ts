// JSON Schema, as the contracts give it, to the text of TypeScript types. Only what zod writes is known; the rest is
// `unknown`, which says too little and nothing wrong.

export interface JsonSchema {
  $ref?: string;
  type?: string | string[];
  const?: unknown;
  enum?: unknown[];
  anyOf?: JsonSchema[];
  oneOf?: JsonSchema[];
  allOf?: JsonSchema[];
  items?: JsonSchema | false;
  prefixItems?: JsonSchema[];
  properties?: Record<string, JsonSchema>;
  required?: string[];
  additionalProperties?: JsonSchema | boolean;
  propertyNames?: JsonSchema;
  description?: string;
}

export const interfaceOf = (name: string, schema: JsonSchema): string =>
  `${comment(schema, '')}export type ${name} = ${typeOf(schema)};`;

/** @param indent of the line that the type stands in */
export function typeOf(schema: JsonSchema, indent = ''): string {
  const inner = (one: JsonSchema): string => typeOf(one, indent);
  if (schema.$ref !== undefined) return schema.$ref.split('/').at(-1) ?? 'unknown';
  if ('const' in schema) return JSON.stringify(schema.const);
  if (schema.enum) return union(schema.enum.map((value) => JSON.stringify(value)));
  if (schema.anyOf) return union(schema.anyOf.map(inner));
  if (schema.oneOf) return union(schema.oneOf.map(inner));
  if (schema.allOf) return schema.allOf.map((one) => `(${inner(one)})`).join(' & ');
  if (Array.isArray(schema.type)) return union(schema.type.map((type) => inner({ ...schema, type })));
  switch (schema.type) {
    case 'string':
      return 'string';
    case 'number':
    case 'integer':
      return 'number';
    case 'boolean':
      return 'boolean';
    case 'null':
      return 'null';
    case 'array':
      if (schema.prefixItems) return `[${schema.prefixItems.map(inner).join(', ')}]`;
      return schema.items ? `(${inner(schema.items)})[]` : 'unknown[]';
    case 'object':
      return objectOf(schema, indent);
    default:
      return 'unknown';
  }
}

function objectOf(
  { properties = {}, required = [], additionalProperties }: JsonSchema,
  indent: string,
): string {
  const deeper = `${indent}  `;
  const fields = Object.entries(properties).map(([name, schema]) => {
    const mark = required.includes(name) ? '' : '?';
    const missing = mark && ' | undefined'; // also where exact optional types are asked for
    return `${comment(schema, deeper)}${deeper}${JSON.stringify(name)}${mark}: ${typeOf(schema, deeper)}${missing};`;
  });
  if (fields.length === 0) {
    const values =
      typeof additionalProperties === 'object' ? typeOf(additionalProperties, indent) : 'unknown';
    // Not a Record: a type may name itself here.
    return additionalProperties === false ? 'Record<string, never>' : `{ [name: string]: ${values} }`;
  }
  return `{\n${fields.join('\n')}\n${indent}}`;
}

const union = (types: readonly string[]): string => [...new Set(types)].join(' | ') || 'never';

const comment = ({ description }: JsonSchema, indent: string): string =>
  description === undefined ? '' : `${indent}/** ${description.replaceAll('*/', '* /')} */\n`;
