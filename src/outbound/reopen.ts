// Opens the draft of a cancelled mail again: the same words wait for a person anew. It is another draft with a Message-ID of
// its own, since one draft makes one submission.
import type { Accounts } from '../accounts/accounts.ts';
import type { Bus } from '../cluster/bus.ts';
import { draftContent } from '../contracts/draft.ts';
import type { Drafts } from '../drafts/drafts.ts';
import { newMessageId, type PreparedVersion } from '../drafts/prepare.ts';
import type { Clock } from '../kernel/clock.ts';
import { settleSession } from '../sessions/state.ts';
import type { Tx } from '../store/store.ts';

export interface ReopenParts {
  clock: Clock;
  bus: Bus;
  accounts: Pick<Accounts, 'get'>;
  drafts: Pick<Drafts, 'get' | 'prepare' | 'insert'>;
}

export interface Reopening {
  prepared: PreparedVersion;
  /** @returns the new draft's id */
  insert(tx: Tx, by: string): Promise<string>;
}

/** @throws PosternError `not_found`, and what composing a mail throws */
export async function prepareReopening(
  parts: ReopenParts,
  { draft_id, answers_message_id }: { draft_id: string; answers_message_id: string | null },
): Promise<Reopening> {
  const draft = await parts.drafts.get(draft_id);
  // Its return path named the mail that was cancelled, and so did its links: the account gives it new ones.
  const { envelope_from: _, ...content } = draftContent.parse(draft);
  const account = await parts.accounts.get(draft.account_id);
  const words = { ...content, message_id: newMessageId(content.from) };
  const prepared = await parts.drafts.prepare(words, account);
  return {
    prepared,
    insert: async (tx, by) => {
      const origin = {
        accountId: draft.account_id,
        sessionId: draft.session_id,
        threadId: draft.thread_id,
        turnId: null,
        actionIndex: null,
        answersMessageId: answers_message_id,
        author: by,
      };
      const reasons = [`Its sending was cancelled by ${by}.`];
      const made = await parts.drafts.insert(tx, origin, prepared, { reasons });
      if (draft.session_id !== null) await settleSession(parts, tx, draft.session_id);
      return made?.draftId as string;
    },
  };
}
