// A mail to the operator when an account has to be signed in again, through another account of this gateway. It is the
// gateway's own words to an address that the settings name, so nobody is asked to approve it.
import type { Accounts } from '../accounts/accounts.ts';
import type { JobWorker } from '../jobs/worker.ts';
import { codeOf, explain } from '../kernel/errors.ts';
import type { Logger } from '../kernel/logger.ts';
import type { Drafts } from './drafts.ts';

export interface OperatorNoticeParts {
  accounts: Pick<Accounts, 'get' | 'find'>;
  drafts: Pick<Drafts, 'submit'>;
  worker: JobWorker;
  log: Logger;
  /** The operator's address, and the label of the account that sends. */
  to: string;
  through: string;
}

/** Registers the handler of `operator.notice`. */
export function registerOperatorNotice({
  accounts,
  drafts,
  worker,
  log,
  to,
  through,
}: OperatorNoticeParts): void {
  worker.handle('operator.notice', async ({ account_id: id }) => {
    const account = await accounts.get(id).catch((error: unknown) => {
      if (codeOf(error) === 'not_found') return null;
      throw error;
    });
    // Signed in meanwhile: nothing to tell.
    if (account?.oauth?.state !== 'needs_sign_in') return;
    const { label, address } = account.settings;
    if (label === through) {
      log.warn({ account: label }, 'the account that sends notices has to be signed in itself');
      return;
    }
    await drafts
      .submit(
        {
          account: through,
          to: [to],
          subject: `Postern: the account ${label} has to be signed in again`,
          text: [
            `The account ${label} (${address}) cannot read or send mail until somebody signs in again.`,
            '',
            account.oauth.reason ?? '',
            '',
            `Sign in with: postern account sign-in ${label}`,
            'Mail that arrives meanwhile stays on the server and is taken in afterwards; mail that is to be sent waits.',
          ].join('\n'),
        },
        'postern',
      )
      .catch((error: unknown) => {
        if (codeOf(error) !== 'not_found') throw error;
        log.warn(
          { account: through, error: explain(error) },
          'the account that sends notices does not exist',
        );
      });
  });
}
