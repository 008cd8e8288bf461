// The log: JSON lines on stderr by pino. Fields whose names say that they are secrets never reach it.
import pino, { type Logger as Pino } from 'pino';
import type { Logger } from '../kernel/logger.ts';

const SECRET_FIELDS = [
  'password',
  'pass',
  'secret',
  'token',
  'authorization',
  'credentials',
  'master_key',
  'cookie',
];
const DEPTHS = ['', '*.', '*.*.'];

/** stdout stays free for what a command answers. */
export function createLog(level: 'debug' | 'info' | 'warn' | 'error' | 'silent'): Logger {
  const root = pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      redact: {
        paths: DEPTHS.flatMap((depth) => SECRET_FIELDS.map((field) => depth + field)),
        censor: '[redacted]',
      },
    },
    pino.destination({ fd: 2, sync: true }),
  );
  return new FieldsLog(root, {});
}

/**
 * A logger with fields of its own. Not pino's `child`: that is a kilobyte and a half, and each watched mailbox has one.
 */
class FieldsLog implements Logger {
  readonly #root: Pino;
  readonly #fields: object;

  constructor(root: Pino, fields: object) {
    this.#root = root;
    this.#fields = fields;
  }

  debug(fields: object, message: string): void {
    if (this.#root.isLevelEnabled('debug')) this.#root.debug({ ...this.#fields, ...fields }, message);
  }

  info(fields: object, message: string): void {
    if (this.#root.isLevelEnabled('info')) this.#root.info({ ...this.#fields, ...fields }, message);
  }

  warn(fields: object, message: string): void {
    this.#root.warn({ ...this.#fields, ...fields }, message);
  }

  error(fields: object, message: string): void {
    this.#root.error({ ...this.#fields, ...fields }, message);
  }

  child(fields: object): Logger {
    return new FieldsLog(this.#root, { ...this.#fields, ...fields });
  }
}
