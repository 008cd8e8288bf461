// Uploads in parts: for files that are large, and lines that break.
import { z } from 'zod';
import { mediaType, objectView, partUploadView, sha256Hex } from '../../contracts/object.ts';
import { PosternError } from '../../kernel/errors.ts';
import { safeFilename } from '../../mail/filename.ts';
import { LARGEST_UPLOAD_BYTES, MOST_PARTS } from '../../objects/part-uploads.ts';
import { nameOf } from '../access.ts';
import { defineOperation, type Operation } from '../registry.ts';

const byId = z.strictObject({ id: z.string().max(100) });

export const uploadOperations: readonly Operation[] = [
  defineOperation({
    name: 'upload.begin',
    summary:
      'Begin an upload in parts. They may come in any order; what is not completed within a day is removed.',
    input: z.strictObject({
      filename: z.string().min(1).max(255),
      content_type: mediaType.optional(),
      /** Of the whole in octets: it is completed only with as many. */
      size: z.number().int().min(0).max(LARGEST_UPLOAD_BYTES).optional(),
    }),
    output: partUploadView,
    permission: 'uploads:write',
    effects: 'write',
    idempotent: true,
    http: { method: 'POST', path: '/v1/uploads', status: 201 },
    handler({ rooms, principal }, { filename, content_type, size }) {
      const file = {
        filename: safeFilename(filename, 'attachment'),
        contentType: content_type ?? 'application/octet-stream',
        by: nameOf(principal),
      };
      return rooms.partUploads.begin(file, size ?? null);
    },
  }),
  defineOperation({
    name: 'upload.get',
    summary: 'Show which parts of an upload came.',
    input: byId,
    output: partUploadView,
    permission: 'uploads:write',
    effects: 'read',
    http: { method: 'GET', path: '/v1/uploads/{id}' },
    handler: ({ rooms }, { id }) => rooms.partUploads.get(id),
  }),
  defineOperation({
    name: 'upload.part',
    summary: 'Send a part: its bytes are the body. One that came before with this number is replaced.',
    input: z.strictObject({
      id: z.string().max(100),
      /** From 1 on. */
      number: z.coerce.number().int().min(1).max(MOST_PARTS),
      /** Of this part. */
      sha256: sha256Hex,
    }),
    output: partUploadView,
    permission: 'uploads:write',
    effects: 'write',
    http: {
      method: 'PUT',
      path: '/v1/uploads/{id}/parts/{number}',
      rawBody: { type: 'application/octet-stream', streams: true },
    },
    handler({ rooms, upload }, { id, number, sha256 }) {
      if (!upload)
        throw new PosternError('invalid_input', 'The bytes of the part are needed.', {
          hint: 'Send them as the body of PUT /v1/uploads/{id}/parts/{number}?sha256=….',
        });
      return rooms.partUploads.add(upload.bytes, { uploadId: id, number, sha256 });
    },
  }),
  defineOperation({
    name: 'upload.complete',
    summary: 'Put the parts of an upload together: from then on it is an object as any other.',
    input: z.strictObject({
      id: z.string().max(100),
      /** Of the whole. */
      sha256: sha256Hex,
    }),
    output: objectView,
    permission: 'uploads:write',
    effects: 'write',
    idempotent: true,
    http: { method: 'POST', path: '/v1/uploads/{id}/complete', status: 201 },
    handler: ({ rooms }, { id, sha256 }) => rooms.partUploads.complete(id, sha256),
  }),
  defineOperation({
    name: 'upload.cancel',
    summary: 'End an upload and remove its parts.',
    input: byId,
    output: z.null(),
    permission: 'uploads:write',
    effects: 'destructive',
    http: { method: 'DELETE', path: '/v1/uploads/{id}', status: 204 },
    async handler({ rooms }, { id }) {
      await rooms.partUploads.cancel(id);
      return null;
    },
  }),
];
