// Tests of servers for settings that nobody saved, as the tests beside this file want them.
import assert from 'node:assert/strict';
import { trialAccount } from '../../src/accounts/trial.ts';
import { accountInput } from '../../src/contracts/account.ts';
import type { CheckFeature, CheckStep, SignInCheck } from '../../src/contracts/check.ts';
import { ImapConnector } from '../../src/imap/connector.ts';
import { checkImap } from '../../src/imap/validate.ts';
import { checkSmtp } from '../../src/outbound/validate.ts';

export const PASSWORD = 'canary-9d1f open sesame';

/** A connector for one test of a server: it holds no account, and every limit is far. */
export const uncounted = (): ImapConnector =>
  new ImapConnector({ signIn: () => assert.fail('the check has its own sign-in') });

export interface Where {
  port: number;
  security: 'tls' | 'starttls' | 'none';
  ca?: string;
  host?: string;
}

export function trial(protocol: 'imap' | 'smtp', where: Where, change: Record<string, unknown> = {}) {
  const endpoint = {
    host: where.host ?? '127.0.0.1',
    port: where.port,
    security: where.security,
    ...(where.ca ? { ca: where.ca } : {}),
  };
  const other = { host: '127.0.0.1', port: 1, security: 'tls' };
  const input = accountInput.parse({
    label: 'trial',
    address: 'anna@example.org',
    imap: protocol === 'imap' ? endpoint : other,
    smtp: protocol === 'smtp' ? endpoint : other,
    timeout_ms: 5_000,
    auth: { type: 'basic', username: 'anna', password: PASSWORD },
    ...change,
  });
  return trialAccount(input, () => '');
}

export const imap = (where: Where, change?: Record<string, unknown>): Promise<SignInCheck> => {
  const { account, signIn } = trial('imap', where, change);
  return checkImap(uncounted(), account, signIn);
};
export const smtp = (where: Where, change?: Record<string, unknown>): Promise<SignInCheck> => {
  const { account, signIn } = trial('smtp', where, change);
  return checkSmtp(account, signIn);
};
export const stepOf = (check: SignInCheck, name: CheckStep['step']): CheckStep =>
  check.steps.find(({ step }) => step === name) ?? assert.fail(`no step ${name}: ${JSON.stringify(check)}`);
export const names = (check: SignInCheck): string[] => check.steps.map(({ step }) => step);
export const features = (check: SignInCheck): Map<string, CheckFeature> =>
  new Map((stepOf(check, 'capabilities').details.features as CheckFeature[]).map((f) => [f.name, f]));
