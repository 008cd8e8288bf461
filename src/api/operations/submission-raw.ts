// The bytes of a mail that has left.
import { Readable } from 'node:stream';
import { z } from 'zod';
import { defineOperation, type Operation } from '../registry.ts';

export const submissionRawOperations: readonly Operation[] = [
  defineOperation({
    name: 'submission.raw',
    summary:
      'Give the bytes of a mail as it left: its DKIM signature, its Date line, and below them what was approved.',
    input: z.strictObject({ id: z.string().max(100) }),
    output: z.custom<Readable>((value) => value instanceof Readable),
    permission: 'submissions:read',
    effects: 'read',
    http: { method: 'GET', path: '/v1/submissions/{id}/raw', answers: 'message/rfc822' },
    cli: { words: ['submission', 'raw'], args: ['id'] },
    handler: ({ rooms }, { id }) => rooms.leftMail(id),
  }),
];
