// Links to files that were too large for their mails: looked at, ended, and made to last longer.
import { z } from 'zod';
import { linkView } from '../../contracts/link.ts';
import { pageOf, pageQuery } from '../../contracts/page.ts';
import { duration } from '../../contracts/rule.ts';
import { durationMs } from '../../kernel/duration.ts';
import { PosternError } from '../../kernel/errors.ts';
import { pageBy } from '../pages.ts';
import { type Context, defineOperation, type Operation } from '../registry.ts';
import { accountFilter, accountName } from './account.ts';

const LONGEST_MS = 366 * 24 * 3_600_000; // what is to be there for longer wants a place of its own

const id = z.string().max(100);

async function targetOf({ rooms }: Context, link: string): Promise<string> {
  const found = await rooms.links.get(link).catch(() => null);
  return found ? `${found.account_id};link=${link}` : `link=${link}`;
}

export const linkOperations: readonly Operation[] = [
  defineOperation({
    name: 'link.list',
    summary: 'List the links to files that were too large for their mails, the newest first.',
    input: z.strictObject({ account: accountName.optional(), draft: id.optional(), ...pageQuery }),
    output: pageOf(linkView),
    permission: 'links:read',
    effects: 'read',
    http: { method: 'GET', path: '/v1/links' },
    cli: {
      words: ['link', 'list'],
      columns: ['id', 'state', 'filename', 'size', 'downloads', 'expires_at', 'draft_id'],
    },
    async handler({ rooms }, { account, draft, ...page }) {
      const filter = { ...(await accountFilter(rooms, account)), draft };
      return pageBy(page, (range) => rooms.links.list({ ...filter, ...range }));
    },
  }),
  defineOperation({
    name: 'link.get',
    summary:
      'Show one link: whether it leads to its file, how often that was fetched, and until when it can be.',
    input: z.strictObject({ id }),
    output: linkView,
    permission: 'links:read',
    effects: 'read',
    http: { method: 'GET', path: '/v1/links/{id}' },
    cli: { words: ['link', 'show'], args: ['id'] },
    handler: ({ rooms }, input) => rooms.links.get(input.id),
  }),
  defineOperation({
    name: 'link.revoke',
    summary:
      'End a link for good: it leads nowhere any more, and its file goes where nothing else refers to it.',
    input: z.strictObject({ id }),
    output: linkView,
    permission: 'links:write',
    effects: 'destructive',
    http: { method: 'POST', path: '/v1/links/{id}/revoke' },
    cli: { words: ['link', 'revoke'], args: ['id'] },
    audit: (context, input) => targetOf(context, input.id),
    handler: ({ rooms }, input) => rooms.links.revoke(input.id),
  }),
  defineOperation({
    name: 'link.extend',
    summary:
      'Make a link last so long from now on, as long as its file is there. The mail still says the earlier day.',
    input: z.strictObject({
      id,
      expires: duration.refine((text) => durationMs(text) <= LONGEST_MS, 'write at most 366d'),
      /** How often the file may be fetched in all; null: as often as anybody likes. Absent: as it was. */
      max_downloads: z.number().int().min(1).max(1_000_000).nullable().optional(),
    }),
    output: linkView,
    permission: 'links:write',
    effects: 'write',
    http: { method: 'POST', path: '/v1/links/{id}/extend' },
    cli: { words: ['link', 'extend'], args: ['id', 'expires'] },
    async audit(context, input) {
      return `${await targetOf(context, input.id)};expires=${input.expires}`;
    },
    handler({ rooms }, { id: link, expires, max_downloads }) {
      const ms = durationMs(expires);
      if (ms <= 0)
        throw new PosternError('invalid_input', 'The link has to last for some time: revoke it to end it.');
      return rooms.links.extend(link, rooms.clock.now() + ms, max_downloads);
    },
  }),
];
