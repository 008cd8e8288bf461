// Templates: which there are, what is wrong with them, and how they look. They change as files; nothing here writes one.
import { z } from 'zod';
import {
  templateCheck,
  templatePreview,
  templatePreviewInput,
  templateView,
} from '../../contracts/template.ts';
import { checkTemplates, previewTemplate } from '../../outbound/template-preview.ts';
import { defineOperation, type Operation } from '../registry.ts';

export const templateOperations: readonly Operation[] = [
  defineOperation({
    name: 'template.list',
    summary: 'List the templates of mails, with their languages and what is wrong with them.',
    input: z.strictObject({}),
    output: z.object({ data: z.array(templateView) }),
    permission: 'templates:read',
    effects: 'read',
    http: { method: 'GET', path: '/v1/templates' },
    cli: { words: ['template', 'list'], columns: ['name', 'languages', 'layout', 'description', 'problem'] },
    handler: async ({ rooms }) => ({ data: await rooms.templates.list() }),
  }),
  defineOperation({
    name: 'template.check',
    summary:
      'Fill every template in each of its languages with its sample, and tell what is wrong with it and what mail ' +
      'programs would make of it.',
    input: z.strictObject({}),
    output: templateCheck,
    permission: 'templates:read',
    effects: 'read',
    http: { method: 'POST', path: '/v1/templates/check' },
    handler: ({ rooms }) => checkTemplates(rooms.templates),
  }),
  defineOperation({
    name: 'template.preview',
    summary: 'Fill a template, with its sample where no data is given, and show the mail that it makes.',
    input: templatePreviewInput,
    output: templatePreview,
    permission: 'templates:read',
    effects: 'read',
    http: { method: 'POST', path: '/v1/templates/{name}/preview', largeBody: true },
    cli: { words: ['template', 'render'], args: ['name'] },
    handler: ({ rooms }, input) => previewTemplate(rooms.templates, input),
  }),
];
