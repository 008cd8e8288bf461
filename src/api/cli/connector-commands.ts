// The connector's commands that take a mail: from a file, sent as it is.
import type { Special } from './command.ts';
import { bytesFrom } from './flags.ts';
import { UsageError } from './io.ts';

export const takesMail: Special = {
  flags: { raw: { type: 'string', value: 'FILE', help: 'The mail (RFC 5322) from a file, or - for stdin.' } },
  without: ['raw-base64', 'raw-base64-file'],
  async bytes(io, values) {
    if (typeof values.raw === 'string') return bytesFrom(io, values.raw);
    throw new UsageError('--raw: is needed');
  },
};
