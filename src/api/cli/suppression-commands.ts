// `suppression import` from a file of this machine.
import type { Special } from './command.ts';
import { bytesFrom } from './flags.ts';

export const suppressionImport: Special = {
  flags: {
    file: {
      type: 'string',
      value: 'FILE',
      help: 'The CSV; - reads standard input. Takes the place of --csv.',
    },
  },
  async prepare(io, values, input) {
    if (typeof values.file !== 'string') return input;
    return { ...input, csv: (await bytesFrom(io, values.file)).toString('utf8') };
  },
};
