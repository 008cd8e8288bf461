// The environment becomes one frozen, validated object. Every problem is reported at once, by the variable's name.
import { readFileSync, statSync } from 'node:fs';
import { isIP } from 'node:net';
import { join, resolve } from 'node:path';
import { z } from 'zod';
import { duration } from '../contracts/rule.ts';
import { durationMs } from '../kernel/duration.ts';
import { PosternError } from '../kernel/errors.ts';
import { type Environment, environment } from './environment.ts';
import { type S3Config, s3Of, s3Problems, s3Variables } from './s3.ts';

export type { S3Config } from './s3.ts';
export { type Environment, environment };

export interface Config {
  readonly dataDir: string;
  readonly host: string;
  readonly port: number;
  /** How people and agents reach this gateway; null: by the address it listens on. */
  readonly publicUrl: string | null;
  /** 32 bytes, or null: the key file in the data folder. */
  readonly masterKey: Buffer | null;
  /** 32 bytes that the master key is rotated to, where it comes from the settings; null: none. */
  readonly masterKeyNext: Buffer | null;
  /** An API key for the first start and for automation; null: the token file in the data folder. */
  readonly adminToken: string | null;
  readonly rulesDir: string;
  readonly templatesDir: string;
  readonly roles: readonly Role[];
  readonly nodeGroup: string | null;
  readonly logLevel: 'debug' | 'info' | 'warn' | 'error' | 'silent';
  readonly ledgerPath: string;
  readonly objectsDir: string;
  readonly workDir: string;
  /** How long a query of POST /v1/sql may run, in milliseconds. */
  readonly sqlTimeMs: number;
  /** Who is told by mail that an account has to be signed in again, and through which account; null: nobody. */
  readonly operatorMail: { to: string; through: string } | null;
  /** Whether /metrics answers without a token: for a scraper that has none, where only it can reach the port. */
  readonly metricsOpen: boolean;
  /** False: the rules made over REST are kept and not in force, so that one that goes with no file can be mended. */
  readonly madeRules: boolean;
  /** How often the canary looks at each account, in milliseconds; null: never. */
  readonly watchCheckMs: number | null;
  /** The name servers that are asked for the keys of signed mail, as `ip` or `ip:port`; null: those of the system. */
  readonly dnsServers: readonly string[] | null;
  /** How many connections there may be to one IMAP server, over all accounts; null: as many as are wanted. */
  readonly imapHostConnections: number | null;
  /** The S3 server that large objects lie in; null: the folder. */
  readonly s3: S3Config | null;
  /** The address of a running gateway, for the command line. */
  readonly gatewayUrl: string | null;
  /** With what the command line calls a gateway, such as the token of a session; null: with the admin token. */
  readonly token: string | null;
}

const roles = ['watch', 'work', 'api'] as const;
export type Role = (typeof roles)[number];

const SECRETS = [
  'POSTERN_MASTER_KEY',
  'POSTERN_MASTER_KEY_NEXT',
  'POSTERN_ADMIN_TOKEN',
  'POSTERN_TOKEN',
  'POSTERN_S3_SECRET_KEY',
] as const;
/** The certificate is no secret, and too long for a variable. */
const IN_FILES = [...SECRETS, 'POSTERN_S3_CA'] as const;
/** Known, but not built yet: saying so beats ignoring them. */
const LATER = ['POSTERN_DATABASE_URL', 'POSTERN_REDIS_URL'] as const;
const LARGEST_SECRET_FILE_BYTES = 65_536;
const MOST_DNS_SERVERS = 8; // each is asked in turn, and a mail waits for that

const path = z
  .string()
  .min(1)
  .transform((value) => resolve(value));
const masterKey = z
  .string()
  .trim()
  .regex(/^[A-Za-z0-9+/]{43}=$/, 'write 32 bytes in base64; `openssl rand -base64 32` makes one')
  .transform((text) => Buffer.from(text, 'base64'));
/** `ip`, `ip:port`, or `[ip]:port` where it is IPv6. */
function isNameServer(text: string): boolean {
  if (isIP(text) !== 0) return true;
  const [, inBrackets, bare, port] = /^(?:\[(.+)\]|([\d.]+))(?::(\d{1,5}))?$/.exec(text) ?? [];
  return isIP(inBrackets ?? bare ?? '') !== 0 && Number(port ?? 53) <= 65_535;
}

const variables = z.object({
  POSTERN_DATA: path.default(resolve('data')),
  POSTERN_HOST: z.string().min(1).default('127.0.0.1'),
  POSTERN_PORT: z
    .string()
    .regex(/^\d{1,5}$/, 'write a number from 0 to 65535')
    .transform(Number)
    .refine((port) => port <= 65_535, 'write a number from 0 to 65535')
    .default(3025),
  POSTERN_PUBLIC_URL: z
    .url({ protocol: /^https?$/, error: 'write a URL such as https://postern.example.org' })
    .optional(),
  POSTERN_URL: z.url({ protocol: /^https?$/, error: 'write a URL such as http://127.0.0.1:3025' }).optional(),
  POSTERN_MASTER_KEY: masterKey.optional(),
  POSTERN_MASTER_KEY_NEXT: masterKey.optional(),
  POSTERN_ADMIN_TOKEN: z.string().trim().min(16, 'use at least 16 characters').optional(),
  POSTERN_TOKEN: z.string().trim().min(1).optional(),
  POSTERN_API: z
    .url({ protocol: /^https?$/, error: 'write a URL such as http://127.0.0.1:3025/v1' })
    .optional(),
  POSTERN_RULES: path.default(resolve('rules')),
  POSTERN_TEMPLATES: path.default(resolve('templates')),
  POSTERN_ROLES: z
    .string()
    .default('watch,work,api')
    .transform((text) => text.split(',').map((word) => word.trim()))
    .pipe(z.array(z.enum(roles, { error: 'name watch, work or api, separated by commas' })).min(1)),
  POSTERN_NODE_GROUP: z.string().max(63).optional(),
  POSTERN_SQL_TIME: duration
    .refine((text) => durationMs(text) >= 100 && durationMs(text) <= 300_000, 'write 100ms to 5m')
    .default('5s'),
  POSTERN_MADE_RULES: z.enum(['on', 'off'], { error: 'name on or off' }).default('on'),
  POSTERN_METRICS: z.enum(['token', 'open'], { error: 'name token or open' }).default('token'),
  POSTERN_WATCH_CHECK: z
    .union(
      [
        z.literal('off'),
        duration.refine((text) => durationMs(text) >= 10_000 && durationMs(text) <= 86_400_000),
      ],
      { error: 'write 10s to 24h, or off' },
    )
    .default('5m'),
  POSTERN_DNS_SERVERS: z
    .string()
    .transform((text) => text.split(',').map((server) => server.trim()))
    .pipe(
      z
        .array(z.string().refine(isNameServer, 'write addresses such as 192.0.2.53, or [2001:db8::53]:5353'))
        .min(1)
        .max(MOST_DNS_SERVERS, `name at most ${MOST_DNS_SERVERS}`),
    )
    .optional(),
  POSTERN_IMAP_HOST_CONNECTIONS: z
    .string()
    .regex(/^\d{1,6}$/, 'write a number, at least 2')
    .transform(Number)
    .refine((connections) => connections >= 2, 'write a number, at least 2')
    .optional(),
  ...s3Variables,
  POSTERN_OPERATOR_MAIL: z.email().optional(),
  POSTERN_OPERATOR_ACCOUNT: z.string().max(100).optional(),
  POSTERN_LOG: z
    .enum(['debug', 'info', 'warn', 'error', 'silent'], { error: 'name debug, info, warn, error or silent' })
    .default('info'),
});

/** The name of every setting. */
export const settingNames: readonly string[] = Object.keys(variables.shape);

/**
 * Reads the settings. An empty variable counts as absent. Each secret can stand in a file named by `…_FILE`.
 * @throws PosternError `config_invalid` that lists every problem; values of secrets are never shown
 */
export function loadConfig(env: Environment = environment()): Config {
  const problems: string[] = [];
  const given: Record<string, string> = {};
  for (const [name, value] of Object.entries(env)) {
    if (name.startsWith('POSTERN_') && value !== undefined && value !== '') given[name] = value;
  }
  for (const name of IN_FILES) readSecretFile(name, given, problems);
  for (const name of LATER) {
    if (given[name] !== undefined) problems.push(`${name}: this version runs on its embedded parts only`);
  }
  if ((given.POSTERN_OPERATOR_MAIL === undefined) !== (given.POSTERN_OPERATOR_ACCOUNT === undefined))
    problems.push(
      'POSTERN_OPERATOR_MAIL: goes with POSTERN_OPERATOR_ACCOUNT, the label of the account that sends',
    );
  if (given.POSTERN_MASTER_KEY_NEXT !== undefined && given.POSTERN_MASTER_KEY === undefined)
    problems.push('POSTERN_MASTER_KEY_NEXT: goes with POSTERN_MASTER_KEY; for a key file Postern makes it');
  problems.push(...s3Problems(given));
  const parsed = variables.safeParse(given);
  if (!parsed.success) {
    for (const issue of parsed.error.issues) problems.push(`${String(issue.path[0])}: ${issue.message}`);
  }
  if (!parsed.success || problems.length > 0) {
    throw new PosternError(
      'config_invalid',
      `The settings have ${problems.length} problem(s):\n  ${problems.join('\n  ')}`,
      {
        details: { problems },
      },
    );
  }
  const found = parsed.data;
  return Object.freeze({
    dataDir: found.POSTERN_DATA,
    host: found.POSTERN_HOST,
    port: found.POSTERN_PORT,
    publicUrl: found.POSTERN_PUBLIC_URL?.replace(/\/+$/, '') ?? null,
    masterKey: found.POSTERN_MASTER_KEY ?? null,
    masterKeyNext: found.POSTERN_MASTER_KEY_NEXT ?? null,
    adminToken: found.POSTERN_ADMIN_TOKEN ?? null,
    rulesDir: found.POSTERN_RULES,
    templatesDir: found.POSTERN_TEMPLATES,
    roles: found.POSTERN_ROLES,
    nodeGroup: found.POSTERN_NODE_GROUP ?? null,
    logLevel: found.POSTERN_LOG,
    ledgerPath: join(found.POSTERN_DATA, 'ledger.sqlite'),
    objectsDir: join(found.POSTERN_DATA, 'objects'),
    workDir: join(found.POSTERN_DATA, 'work'),
    sqlTimeMs: durationMs(found.POSTERN_SQL_TIME),
    operatorMail:
      found.POSTERN_OPERATOR_MAIL !== undefined && found.POSTERN_OPERATOR_ACCOUNT !== undefined
        ? { to: found.POSTERN_OPERATOR_MAIL, through: found.POSTERN_OPERATOR_ACCOUNT }
        : null,
    metricsOpen: found.POSTERN_METRICS === 'open',
    madeRules: found.POSTERN_MADE_RULES === 'on',
    watchCheckMs: found.POSTERN_WATCH_CHECK === 'off' ? null : durationMs(found.POSTERN_WATCH_CHECK),
    dnsServers: found.POSTERN_DNS_SERVERS ?? null,
    imapHostConnections: found.POSTERN_IMAP_HOST_CONNECTIONS ?? null,
    s3: s3Of(found),
    // An agent's program is told where the API is: the command line then works in there, with the session's token.
    gatewayUrl:
      (found.POSTERN_URL ?? found.POSTERN_API?.replace(/\/v1\/*$/, ''))?.replace(/\/+$/, '') ?? null,
    token: found.POSTERN_TOKEN ?? null,
  });
}

function readSecretFile(
  name: (typeof IN_FILES)[number],
  given: Record<string, string>,
  problems: string[],
): void {
  const file = given[`${name}_FILE`];
  if (file === undefined) return;
  if (given[name] !== undefined) {
    problems.push(`${name}: give either ${name} or ${name}_FILE, not both`);
    return;
  }
  try {
    given[name] = readSecretText(file).trim();
  } catch (error) {
    problems.push(`${name}_FILE: ${file} cannot be read: ${(error as Error).message}`);
  }
}

/** @throws Error that says why: also for what is no file, which might never end, and for an empty one */
function readSecretText(file: string): string {
  const facts = statSync(file);
  if (!facts.isFile()) throw new Error('it is not a file');
  if (facts.size > LARGEST_SECRET_FILE_BYTES) throw new Error('it is larger than 64 kB');
  const text = readFileSync(file, 'utf8');
  if (text.trim() === '') throw new Error('it is empty');
  return text;
}

/** Where a gateway on this machine answers, for the command line: the settings' URL, or what it would listen on. */
export function urlOfGateway({ gatewayUrl, host, port }: Config): string {
  if (gatewayUrl !== null) return gatewayUrl;
  const reached = host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host;
  return `http://${reached.includes(':') ? `[${reached}]` : reached}:${port}`;
}

/**
 * A secret that an account or an agent names by reference: `env:NAME` or `file:/path`.
 * @throws PosternError `secret_missing` or `secret_forbidden`, with the reference and never the value
 */
export function resolveSecret(reference: string, env: Environment = environment()): string {
  const [scheme, rest] = [
    reference.slice(0, reference.indexOf(':')),
    reference.slice(reference.indexOf(':') + 1),
  ];
  if (scheme === 'env') {
    // Whoever may add an account may send its password to a server of their own: these two must not go that way.
    if (SECRETS.some((name) => name === rest))
      throw new PosternError(
        'secret_forbidden',
        `${rest} is a secret of Postern itself, not of a mail server.`,
      );
    const value = env[rest];
    if (value === undefined || value === '') {
      throw new PosternError('secret_missing', `The environment variable ${rest} is not set.`, {
        hint: `Set it, or change the reference ${reference}.`,
      });
    }
    return value;
  }
  try {
    return readSecretText(rest).replace(/\r?\n$/, '');
  } catch (error) {
    throw new PosternError(
      'secret_missing',
      `The secret file ${rest} cannot be read: ${(error as Error).message}`,
      { cause: error },
    );
  }
}
