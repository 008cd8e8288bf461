// The body of a request to a knowledge base: JSON in which `{{…}}` is filled in. Values are put in as values and never as
// text of JSON, so that nothing in a mail can change the shape of the request. Pure.
import type { SinkField } from '../../contracts/knowledge-sink.ts';
import { PLACEHOLDER } from '../../rules/sinks.ts';

type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json };

/** What is asked for a field, once it stands in the template. */
export type FieldValues = (field: SinkField) => Json;

const WHOLE = /^\{\{\s*([^{}]*?)\s*\}\}$/;

/** A text that is one field alone becomes its value, of whatever type; within a text a value is written out. */
export function fillIn(template: unknown, fieldOf: FieldValues): Json {
  if (typeof template === 'string') {
    const [, field] = WHOLE.exec(template) ?? [];
    if (field !== undefined) return fieldOf(field as SinkField);
    return template.replace(PLACEHOLDER, (_, name: string) => written(fieldOf(name as SinkField)));
  }
  if (Array.isArray(template)) return template.map((item) => fillIn(item, fieldOf));
  if (template !== null && typeof template === 'object')
    return Object.fromEntries(Object.entries(template).map(([key, item]) => [key, fillIn(item, fieldOf)]));
  return template as Json;
}

const written = (value: Json): string =>
  typeof value === 'string' ? value : value === null ? '' : JSON.stringify(value);

/** Fields that a URL may name are made of letters, digits and `_` alone. */
export const urlOf = (template: string, fieldOf: FieldValues): string =>
  template.replace(/(?:\{|%7b){2}\s*([a-z0-9_]+)\s*(?:\}|%7d){2}/gi, (_, name: string) =>
    encodeURIComponent(written(fieldOf(name as SinkField))),
  );
