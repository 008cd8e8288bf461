// Lists in pages. The token is opaque to clients: the id after which the next page begins.
import type { Page } from '../contracts/page.ts';
import { PosternError } from '../kernel/errors.ts';

const ID = /^[a-z]{3}_[0-9a-z]{1,64}$/;

export interface PageInput {
  limit: number;
  page_token?: string | undefined;
}

/** Reads one row more than asked for, to know whether there is a next page. @throws PosternError `invalid_input` */
export async function pageBy<T extends { id: string }>(
  input: PageInput,
  read: (range: { limit: number; before?: string }) => Promise<T[]>,
): Promise<Page<T>> {
  const before = input.page_token === undefined ? undefined : idOf(input.page_token);
  const rows = await read({ limit: input.limit + 1, ...(before === undefined ? {} : { before }) });
  const data = rows.slice(0, input.limit);
  const last = data.at(-1);
  const more = rows.length > input.limit && last !== undefined;
  return { data, next_page_token: more ? tokenOf(last.id) : null };
}

/** The same where the reader says itself where the next page begins: it looks through so many and finds fewer. */
export async function pageFrom<T>(
  { page_token, limit }: PageInput,
  read: (range: { limit: number; before?: string }) => Promise<{ data: T[]; next: string | null }>,
): Promise<Page<T>> {
  const before = page_token === undefined ? {} : { before: idOf(page_token) };
  const { data, next } = await read({ limit, ...before });
  return { data, next_page_token: next === null ? null : tokenOf(next) };
}

const tokenOf = (id: string): string => Buffer.from(id).toString('base64url');

function idOf(token: string): string {
  const id = Buffer.from(token, 'base64url').toString('latin1');
  if (ID.test(id)) return id;
  throw new PosternError('invalid_input', 'The page_token is not one that this gateway gave out.', {
    hint: 'Pass the next_page_token of the page before, unchanged, or leave it out.',
    details: { errors: [{ path: 'page_token', message: 'not a token of this gateway' }] },
  });
}
