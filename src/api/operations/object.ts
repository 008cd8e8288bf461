// Objects: files that are uploaded as they are, to be attached by their id.
import { z } from 'zod';
import { mediaType, objectView } from '../../contracts/object.ts';
import { notFound, PosternError } from '../../kernel/errors.ts';
import { safeFilename } from '../../mail/filename.ts';
import { nameOf } from '../access.ts';
import { defineOperation, type Operation } from '../registry.ts';

// Of one session together, as long as no mail has taken them: two mails' worth of files.
const SESSION_UPLOAD_BYTES = 100 * 1024 * 1024;

export const objectOperations: readonly Operation[] = [
  defineOperation({
    name: 'object.add',
    summary:
      'Upload a file: its bytes are the body, or the one file of a multipart/form-data body. Mails take it by its id.',
    input: z.strictObject({
      filename: z.string().min(1).max(255).optional(),
      /** Where the Content-Type of the body is not the file's own. */
      content_type: mediaType.optional(),
    }),
    output: objectView,
    permission: 'objects:write',
    effects: 'write',
    http: {
      method: 'POST',
      path: '/v1/objects',
      status: 201,
      rawBody: { type: 'application/octet-stream', streams: true },
    },
    async handler({ rooms, principal, upload }, { filename, content_type }) {
      if (!upload)
        throw new PosternError('invalid_input', 'The bytes of the file are needed.', {
          hint: 'Send them as the body of POST /v1/objects?filename=….',
        });
      const said = mediaType.safeParse(upload.contentType.split(';')[0]?.trim());
      const by = nameOf(principal);
      const file = {
        filename: safeFilename(filename ?? upload.filename, 'attachment'),
        contentType: content_type ?? (said.success ? said.data : 'application/octet-stream'),
        by,
      };
      if (principal.kind === 'key') return rooms.uploads.add(upload.bytes, file);
      const largest = await rooms.uploads.roomOf(by, SESSION_UPLOAD_BYTES);
      return rooms.uploads.add(upload.bytes, file, { largest, together: SESSION_UPLOAD_BYTES });
    },
  }),
  defineOperation({
    name: 'object.get',
    summary: 'Show what is known of an uploaded file.',
    input: z.strictObject({ id: z.string().max(100) }),
    output: objectView,
    permission: 'objects:read',
    effects: 'read',
    http: { method: 'GET', path: '/v1/objects/{id}' },
    cli: { words: ['object', 'show'], args: ['id'] },
    async handler({ rooms, principal }, { id }) {
      if (principal.kind === 'session' && !(await rooms.uploads.isOf(id, nameOf(principal))))
        throw notFound('object', id);
      return rooms.uploads.get(id);
    },
  }),
];
