// The OpenAPI 3.1 document, made from the registry: what it says is what the routes check.
import { z } from 'zod';
import { accountView, signInCheck, watchStatus } from '../../contracts/account.ts';
import {
  auditEntry,
  mailboxView,
  messageRow,
  searchCriteria,
  storedQuery,
} from '../../contracts/connector.ts';
import { draftView, submissionView } from '../../contracts/draft.ts';
import { liveEvent } from '../../contracts/live-event.ts';
import { madeRuleVersion, ruleDetail, ruleView } from '../../contracts/made-rule.ts';
import { address, attachmentView, messageDetail, messageView, trust } from '../../contracts/mail.ts';
import { deadLetterView, problem } from '../../contracts/page.ts';
import { agent, rule } from '../../contracts/rule.ts';
import { condition } from '../../contracts/rule-condition.ts';
import { backTestView, mailTest } from '../../contracts/rule-test.ts';
import { sessionView, turnView } from '../../contracts/session.ts';
import { sourceConsumer, sourceEvent, streamRequest } from '../../contracts/source.ts';
import { type Operation, pathFields } from '../registry.ts';

/** Shapes of answers that have a name of their own in the document. */
const NAMED: Readonly<Record<string, z.ZodType>> = {
  Account: accountView,
  Address: address,
  Agent: agent,
  Attachment: attachmentView,
  AuditEntry: auditEntry,
  DeadLetter: deadLetterView,
  Draft: draftView,
  LiveEvent: liveEvent,
  SourceConsumer: sourceConsumer,
  SourceEvent: sourceEvent,
  Mailbox: mailboxView,
  MailboxMessage: messageRow,
  Message: messageView,
  MessageDetail: messageDetail,
  Problem: problem,
  Rule: rule,
  RuleCondition: condition,
  RuleBackTest: backTestView,
  RuleDetail: ruleDetail,
  RuleTest: mailTest,
  RuleVersion: madeRuleVersion,
  RuleView: ruleView,
  SearchCriteria: searchCriteria,
  Session: sessionView,
  SignInCheck: signInCheck,
  StoredQuery: storedQuery,
  Submission: submissionView,
  Trust: trust,
  Turn: turnView,
  WatchStatus: watchStatus,
};

type Json = Record<string, unknown>;

interface ObjectSchema extends Json {
  properties?: Record<string, Json>;
  required?: string[];
}

export function openApiDocument(operations: readonly Operation[]): Json {
  const schemas: Record<string, Json> = {};
  const names = z.registry<{ id: string }>();
  for (const [id, schema] of Object.entries(NAMED)) names.add(schema, { id });
  const outputOf = (schema: z.ZodType): Json => {
    const {
      $schema: _,
      $defs,
      ...shape
    } = z.toJSONSchema(schema, { metadata: names, unrepresentable: 'any' });
    for (const [name, found] of Object.entries($defs ?? {})) schemas[name] = rooted(found) as Json;
    return rooted(shape) as Json;
  };
  outputOf(z.object({ problem, liveEvent }));
  // Of inputs only what holds itself: the others are written out where they stand, with what may be left out.
  const recursive = z.registry<{ id: string }>().add(searchCriteria, { id: 'SearchCriteria' });
  const inputOf = (schema: z.ZodType): Json => {
    const options = { io: 'input', metadata: recursive, unrepresentable: 'any' } as const;
    const { $schema: _, $defs, ...shape } = z.toJSONSchema(schema, options);
    for (const [name, found] of Object.entries($defs ?? {})) schemas[name] ??= rooted(found) as Json;
    return rooted(shape) as Json;
  };

  const paths: Record<string, Json> = {};
  for (const operation of operations) {
    const { method, path } = operation.http;
    paths[path] = { ...paths[path], [method.toLowerCase()]: describe(operation, inputOf, outputOf) };
  }
  paths['/v1/events'] = { get: eventsOperation };
  paths['/v1/sources/{consumer}/stream'] = { get: sourceStreamOperation };
  return {
    openapi: '3.1.0',
    info: {
      title: 'Postern',
      version: '1',
      summary: 'The mail gate for AI agents.',
      license: { name: 'MIT' },
    },
    servers: [{ url: '/' }],
    security: [{ bearer: [] }],
    paths: sorted(paths),
    components: {
      schemas: sorted(schemas),
      securitySchemes: { bearer: { type: 'http', scheme: 'bearer' } },
      responses: {
        Problem: {
          description: 'Why it was not done, as problem details (RFC 9457). `code` is stable.',
          content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
        },
      },
    },
  };
}

type SchemaOf = (schema: z.ZodType) => Json;

function describe(operation: Operation, inputOf: SchemaOf, outputOf: SchemaOf): Json {
  const { http } = operation;
  const whole = inputOf(operation.shape ?? operation.input);
  const input = (http.method === 'PATCH' ? withoutDefaults(whole) : whole) as ObjectSchema;
  const inPath = pathFields(http.path);
  const inBody = http.method === 'POST' || http.method === 'PATCH';
  const parameters = Object.entries(input.properties ?? {})
    .filter(([name]) => !inBody || http.rawBody?.streams || inPath.includes(name))
    .map(([name, schema]) => ({
      name,
      in: inPath.includes(name) ? 'path' : 'query',
      required: input.required?.includes(name) ?? false,
      schema,
    }));
  const body = inBody ? bodyOf(operation, without(input, inPath)) : {};
  const status = String(http.status ?? 200);
  return {
    operationId: operation.name,
    summary: operation.summary,
    tags: [operation.name.split('.')[0]],
    'x-permission': operation.permission,
    'x-effects': operation.effects,
    parameters: operation.idempotent ? [...parameters, idempotencyKey] : parameters,
    ...body,
    responses: {
      [status]: answerOf(operation, outputOf),
      default: { $ref: '#/components/responses/Problem' },
    },
  };
}

function bodyOf({ http }: Operation, schema: ObjectSchema): Json {
  if (http.rawBody?.streams) return { requestBody: { required: true, content: { '*/*': {} } } };
  if (Object.keys(schema.properties ?? {}).length === 0 && schema.additionalProperties === false) return {};
  const raw = http.rawBody ? { [http.rawBody.type]: {} } : {};
  return {
    requestBody: {
      required: (schema.required ?? []).length > 0 || http.rawBody !== undefined,
      content: { 'application/json': { schema }, ...raw },
    },
  };
}

function answerOf({ http, output }: Operation, outputOf: (schema: z.ZodType) => Json): Json {
  if (http.status === 204) return { description: 'Done.' };
  const content =
    http.answers === undefined
      ? { 'application/json': { schema: outputOf(output) } }
      : { [http.answers]: {} };
  return { description: 'Done.', content };
}

/** In a patch what is absent stays as it is, whatever it would be in a new thing. */
function withoutDefaults(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutDefaults);
  if (typeof value !== 'object' || value === null) return value;
  const kept = Object.entries(value).filter(([key]) => key !== 'default');
  return Object.fromEntries(kept.map(([key, inner]) => [key, withoutDefaults(inner)]));
}

function without(schema: ObjectSchema, fields: readonly string[]): ObjectSchema {
  const keep = (name: string): boolean => !fields.includes(name);
  const required = (schema.required ?? []).filter(keep);
  const { required: _, ...rest } = schema;
  return {
    ...rest,
    properties: Object.fromEntries(Object.entries(schema.properties ?? {}).filter(([name]) => keep(name))),
    ...(required.length > 0 ? { required } : {}),
  };
}

const idempotencyKey = {
  name: 'Idempotency-Key',
  in: 'header',
  required: false,
  description: 'The same request with the same key happens once; its answer is given again for 24 hours.',
  schema: { type: 'string', minLength: 1, maxLength: 255 },
};

const eventsOperation = {
  operationId: 'events',
  summary: 'Hear what changes, as server-sent events; the data of each is a LiveEvent.',
  tags: ['events'],
  'x-permission': 'events:read',
  'x-effects': 'read',
  parameters: [{ name: 'Last-Event-ID', in: 'header', required: false, schema: { type: 'string' } }],
  responses: {
    '200': {
      description: 'A stream that stays open.',
      content: { 'text/event-stream': { schema: { type: 'string' } } },
    },
    default: { $ref: '#/components/responses/Problem' },
  },
};

const streamParameters = z.toJSONSchema(streamRequest, { io: 'input' }).properties ?? {};
const sourceStreamOperation = {
  operationId: 'sourceStream',
  summary: 'Hear what comes after the cursors of a consumer; each line is an event as source.next gives it.',
  tags: ['source'],
  'x-permission': 'sources:consume',
  'x-effects': 'read',
  parameters: [
    { name: 'consumer', in: 'path', required: true, schema: { type: 'string' } },
    ...Object.entries(streamParameters).map(([name, schema]) => ({
      name,
      in: 'query',
      required: false,
      schema,
    })),
  ],
  responses: {
    '200': {
      description: 'A stream that stays open.',
      content: { 'application/x-ndjson': { schema: { type: 'string' } } },
    },
    default: { $ref: '#/components/responses/Problem' },
  },
};

/** References to zod's `$defs` point to the document's components instead. */
function rooted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(rooted);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [
      key,
      key === '$ref' && typeof inner === 'string'
        ? inner.replace('#/$defs/', '#/components/schemas/')
        : rooted(inner),
    ]),
  );
}

const sorted = <T>(record: Record<string, T>): Record<string, T> =>
  Object.fromEntries(Object.entries(record).sort(([a], [b]) => (a < b ? -1 : 1)));
