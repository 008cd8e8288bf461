// `postern object add FILE`: a file of this machine, uploaded as it is read.
import { open } from 'node:fs/promises';
import { basename } from 'node:path';
import type { Operation } from '../registry.ts';
import { GatewayClient } from './client.ts';
import type { Command } from './command.ts';
import { whyUnread } from './flags.ts';
import { EXIT, UsageError } from './io.ts';
import { showDetails, showJson } from './show.ts';

export function objectAdd(add: Operation): Command {
  return {
    words: ['object', 'add'],
    summary: 'Upload a file, to be attached by its id.',
    args: ['FILE'],
    flags: {
      filename: { type: 'string', value: 'TEXT', help: 'What it is called in the mail.' },
      'content-type': { type: 'string', value: 'TYPE', help: 'Such as application/pdf.' },
    },
    async run(io, values, [path, ...more]) {
      if (path === undefined || more.length > 0) throw new UsageError('Give one file.');
      const file = await open(path).catch((error: Error) => {
        throw new UsageError(`${path} cannot be read: ${whyUnread(error)}`);
      });
      await using bytes = file.createReadStream();
      const input = {
        filename: typeof values.filename === 'string' ? values.filename : basename(path),
        ...(typeof values['content-type'] === 'string' ? { content_type: values['content-type'] } : {}),
      };
      const answer = await new GatewayClient(io.settings).call(add, input, bytes);
      if (values.json) showJson(io, answer);
      else showDetails(io, answer);
      return EXIT.ok;
    },
  };
}
