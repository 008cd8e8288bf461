// The log: JSON lines on stderr by pino. Fields whose names say that they are secrets never reach it.
import pino from 'pino';
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
  return pino(
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
  ) as unknown as Logger;
}
