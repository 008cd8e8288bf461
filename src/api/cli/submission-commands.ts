// `submission create` with files from this machine.
import { basename } from 'node:path';
import type { Special } from './command.ts';
import { bytesFrom } from './flags.ts';

export const submissionCreate: Special = {
  flags: {
    attach: {
      type: 'string',
      multiple: true,
      value: 'FILE',
      help: 'Attach a file. Can be given several times.',
    },
  },
  async prepare(io, values, input) {
    if (!Array.isArray(values.attach)) return input;
    const files: object[] = [];
    for (const path of values.attach) {
      const bytes = await bytesFrom(io, path);
      files.push({ filename: basename(path), content_base64: bytes.toString('base64') });
    }
    return { ...input, attachments: [...((input.attachments as object[] | undefined) ?? []), ...files] };
  },
};
