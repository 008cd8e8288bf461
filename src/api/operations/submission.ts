// Submissions: mail on its way over SMTP, and an operator's own mail.
import { z } from 'zod';
import { submissionInput, submissionState, submissionView } from '../../contracts/draft.ts';
import { pageOf, pageQuery } from '../../contracts/page.ts';
import { nameOf } from '../access.ts';
import { pageBy } from '../pages.ts';
import { defineOperation, type Operation } from '../registry.ts';
import { accountFilter, accountName } from './account.ts';

const id = z.string().max(100);

export const submissionOperations: readonly Operation[] = [
  defineOperation({
    name: 'submission.list',
    summary: 'List the mails on their way and those that left, the newest first.',
    input: z.strictObject({
      state: submissionState.optional(),
      account: accountName.optional(),
      /** Only those that go to this address. */
      recipient: z.string().min(1).max(320).optional(),
      /** Only those made from then on: `2026-11-30T08:00:00Z`. */
      since: z.iso.datetime({ offset: true }).optional(),
      broadcast: id.optional(),
      ...pageQuery,
    }),
    output: pageOf(submissionView),
    permission: 'submissions:read',
    effects: 'read',
    http: { method: 'GET', path: '/v1/submissions' },
    cli: {
      words: ['submission', 'list'],
      columns: ['id', 'state', 'from', 'subject', 'attempts', 'created_at'],
    },
    async handler({ rooms }, { state, account, recipient, since, broadcast, ...page }) {
      const from = since === undefined ? undefined : Date.parse(since);
      const filter = { ...(await accountFilter(rooms, account)), state, recipient, since: from, broadcast };
      return pageBy(page, (range) => rooms.submissions.list({ ...filter, ...range }));
    },
  }),
  defineOperation({
    name: 'submission.get',
    summary: 'Show one submission: its state, and what the server said about each recipient.',
    input: z.strictObject({ id }),
    output: submissionView,
    permission: 'submissions:read',
    effects: 'read',
    http: { method: 'GET', path: '/v1/submissions/{id}' },
    cli: { words: ['submission', 'show'], args: ['id'] },
    handler: ({ rooms }, input) => rooms.submissions.get(input.id),
  }),
  defineOperation({
    name: 'submission.create',
    summary: "Send an operator's own mail from an account.",
    input: submissionInput,
    output: z.object({ id: z.string(), state: submissionState }),
    permission: 'submissions:send',
    effects: 'destructive',
    http: { method: 'POST', path: '/v1/submissions', status: 201, largeBody: true },
    cli: { words: ['submission', 'create'] },
    idempotent: true,
    handler: ({ rooms, principal }, input) => rooms.drafts.submit(input, nameOf(principal)),
  }),
  defineOperation({
    name: 'submission.settle',
    summary:
      'Say what became of a mail in state unknown: it was sent, it failed, or it is to be sent again at the ' +
      'risk that it arrives twice.',
    input: z.strictObject({ id, outcome: z.enum(['sent', 'resend', 'failed']) }),
    output: submissionView,
    permission: 'submissions:send',
    effects: 'destructive',
    http: { method: 'POST', path: '/v1/submissions/{id}/settle' },
    cli: { words: ['submission', 'settle'], args: ['id', 'outcome'] },
    idempotent: true,
    handler: ({ rooms, principal }, input) =>
      rooms.submissions.settle(input.id, input.outcome, nameOf(principal)),
  }),
  defineOperation({
    name: 'submission.cancel',
    summary:
      'Take a mail back that has not begun to leave: one that waits for its time, for a limit or for another attempt.',
    input: z.strictObject({
      id,
      /** Makes a draft of it again, which waits for a person. */
      reopen: z.boolean().optional(),
    }),
    output: submissionView.extend({ reopened_draft_id: z.string().nullable() }),
    permission: 'submissions:send',
    effects: 'write',
    http: { method: 'POST', path: '/v1/submissions/{id}/cancel' },
    cli: { words: ['submission', 'cancel'], args: ['id'] },
    idempotent: true,
    handler: ({ rooms, principal }, input) => rooms.submissions.cancel(input.id, nameOf(principal), input),
  }),
];
