// Where reports on a mail come back to: an address of its own, where the account has such (VERP), under which it is known
// again. It is part of the envelope, and so of what is approved.
import type { Account } from '../accounts/accounts.ts';
import type { TokenKeys } from '../bounces/token-keys.ts';
import { returnPath } from '../bounces/tokens.ts';
import type { DraftContent } from '../contracts/draft.ts';

export type WithReturnPath = (content: DraftContent, account: Account) => Promise<DraftContent>;

export const withReturnPath =
  (keys: Pick<TokenKeys, 'of'>): WithReturnPath =>
  async (content, { id, settings }) => {
    const pattern = settings.bounce_address;
    if (pattern === undefined) return content;
    const address = returnPath(pattern, await keys.of(id), content.message_id);
    return address === null ? content : { ...content, envelope_from: address };
  };
