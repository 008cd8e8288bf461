// `submission create` with files from this machine.
import { basename } from 'node:path';
import type { Special } from './command.ts';
import { bytesFrom } from './flags.ts';
import { dataFrom } from './template-commands.ts';

export const submissionCreate: Special = {
  flags: {
    data: {
      type: 'string',
      value: 'FILE',
      help: 'What the template is filled with, as JSON or YAML.',
    },
    attach: {
      type: 'string',
      multiple: true,
      value: 'FILE',
      help: 'Attach a file. Can be given several times.',
    },
    'attach-object': {
      type: 'string',
      multiple: true,
      value: 'ID',
      help: 'Attach what `postern object add` uploaded. Can be given several times.',
    },
  },
  async prepare(io, values, given) {
    const data = typeof values.data === 'string' ? { data: await dataFrom(io, values.data) } : {};
    const input: Record<string, unknown> = { ...given, ...data };
    const files: object[] = [];
    for (const path of listOf(values.attach)) {
      const bytes = await bytesFrom(io, path);
      files.push({ filename: basename(path), content_base64: bytes.toString('base64') });
    }
    for (const id of listOf(values['attach-object'])) files.push({ object_id: id });
    if (files.length === 0) return input;
    return { ...input, attachments: [...((input.attachments as object[] | undefined) ?? []), ...files] };
  },
};

const listOf = (value: unknown): string[] => (Array.isArray(value) ? value : []);
