// Tests of an account's servers, saved or not, and what can be found out about them before.
import { z } from 'zod';
import type { Account } from '../../accounts/accounts.ts';
import { providerPresets } from '../../accounts/providers.ts';
import { trialAccount } from '../../accounts/trial.ts';
import { type AccountCheck, accountCheck, accountInput } from '../../contracts/account.ts';
import { discovery, discoveryInput } from '../../contracts/discovery.ts';
import { providerView } from '../../contracts/provider.ts';
import type { SignIn } from '../../imap/validate.ts';
import { type Context, defineOperation, type Operation } from '../registry.ts';
import { accountName } from './account-name.ts';

export const accountCheckOperations: readonly Operation[] = [
  defineOperation({
    name: 'account.test',
    summary:
      'Test the IMAP and the SMTP server of a saved account step by step, and say plainly what is wrong.',
    input: z.strictObject({ id: accountName }),
    output: accountCheck,
    permission: 'accounts:connect',
    effects: 'read',
    http: { method: 'POST', path: '/v1/accounts/{id}/test' },
    cli: { words: ['account', 'test'], args: ['id'] },
    async handler(context, { id }) {
      const { accounts } = context.rooms;
      const account = await accounts.find(id);
      return checkBoth(context, account, (connect) => accounts.signIn(account, connect));
    },
  }),
  defineOperation({
    name: 'account.test_settings',
    summary: 'Test settings that are not saved, as `account.test` does. Nothing is stored.',
    input: accountInput.extend({ label: accountInput.shape.label.default('unsaved') }),
    output: accountCheck,
    permission: 'accounts:write',
    effects: 'read',
    http: { method: 'POST', path: '/v1/accounts/test' },
    cli: { words: ['account', 'try'] },
    async handler(context, input) {
      const { account, signIn } = trialAccount(input, context.rooms.resolveSecret);
      return checkBoth(context, account, signIn);
    },
  }),
  defineOperation({
    name: 'account.discover',
    summary:
      'Find out the servers of an address: by known providers, DNS, the domain’s own autoconfig, and a guess that is tried.',
    input: discoveryInput,
    output: discovery,
    permission: 'accounts:connect',
    effects: 'read',
    http: { method: 'POST', path: '/v1/accounts/discover' },
    cli: { words: ['account', 'discover'], args: ['address'] },
    handler: async ({ rooms, signal }, { address, provider }) =>
      rooms.discover(address, { provider, signal }),
  }),
  defineOperation({
    name: 'provider.list',
    summary:
      'List what Postern knows of mail providers: servers, sign-in, limits, and what to do there first.',
    input: z.strictObject({}),
    output: z.object({ providers: z.array(providerView) }),
    permission: 'accounts:read',
    effects: 'read',
    http: { method: 'GET', path: '/v1/providers' },
    cli: { words: ['provider', 'list'], columns: ['id', 'name', 'password.kind', 'oauth2.provider'] },
    handler: async () => ({ providers: providerPresets() }),
  }),
];

async function checkBoth(
  { rooms, signal }: Context,
  account: Account,
  signIn: SignIn,
): Promise<AccountCheck> {
  const [imap, smtp] = await Promise.all([
    rooms.checkImap(account, signIn, signal),
    rooms.checkSmtp(account, signIn, signal),
  ]);
  return { ok: imap.ok && smtp.ok, imap, smtp };
}
