// What an operator wrote leaves: a draft that is approved by its writer.
import type { Account } from '../accounts/accounts.ts';
import type { DraftContent } from '../contracts/draft.ts';
import type { Clock } from '../kernel/clock.ts';
import { newId } from '../kernel/ids.ts';
import type { Uploads } from '../objects/uploads.ts';
import type { Store, Tx } from '../store/store.ts';
import type { DraftDecision } from './draft-record.ts';
import type { DraftOrigin } from './draft-rows.ts';
import type { PreparedVersion } from './prepare.ts';
import type { Timing } from './release.ts';
import type { Written } from './submitted.ts';
import { demandUnsuppressed, recipientsOf } from './suppressed-people.ts';

export interface LeaveParts {
  store: Store;
  clock: Clock;
  uploads: Pick<Uploads, 'keep'>;
}

/** What makes drafts. */
export interface DraftMaker {
  prepare(content: DraftContent, account: Account): Promise<PreparedVersion>;
  insert(
    tx: Tx,
    origin: DraftOrigin,
    prepared: PreparedVersion,
    wanted: DraftDecision,
  ): Promise<{ draftId: string; submissionId: string | null } | null>;
}

/**
 * @param answers the conversation that it belongs to, and the message that it answers
 * @throws PosternError `recipient_suppressed`, and what composing throws
 */
export async function leave(
  parts: LeaveParts,
  drafts: DraftMaker,
  account: Account,
  { content, uploaded }: Written,
  by: string,
  answers: { threadId?: string; messageId?: string } = {},
  timing: Timing = {},
): Promise<{ draftId: string; submissionId: string }> {
  const { store, clock, uploads } = parts;
  await demandUnsuppressed(parts, account.id, recipientsOf(content));
  const prepared = await drafts.prepare(content, account);
  const origin = {
    accountId: account.id,
    sessionId: null,
    threadId: answers.threadId ?? newId('thr', clock.now()),
    turnId: null,
    actionIndex: null,
    answersMessageId: answers.messageId ?? null,
    author: by,
  };
  const made = await store
    .write(async (tx) => {
      await uploads.keep(tx, uploaded);
      return drafts.insert(tx, origin, prepared, { approvedBy: by, timing });
    })
    .catch(async (error: unknown) => {
      await prepared.discard();
      throw error;
    });
  return { draftId: made?.draftId as string, submissionId: made?.submissionId as string };
}
