// Signing an account in by OAuth2: a person goes to the provider in a browser, or types a code there.
import { z } from 'zod';
import { defineOperation, type Operation } from '../registry.ts';
import { accountName } from './account-name.ts';

const byId = z.strictObject({ id: accountName });

export const oauthOperations: readonly Operation[] = [
  defineOperation({
    name: 'account.oauth_start',
    summary:
      'Begin a sign-in by OAuth2 in a browser: open authorize_url within ten minutes, and consent there.',
    input: byId,
    output: z.object({
      authorize_url: z.string(),
      /** To be registered with the client at the provider. */
      redirect_uri: z.string(),
      expires_at: z.number().int(),
    }),
    permission: 'accounts:write',
    effects: 'write',
    http: { method: 'POST', path: '/v1/accounts/{id}/oauth/start' },
    handler: async ({ rooms }, { id }) => rooms.signIn.start(await rooms.accounts.find(id)),
  }),
  defineOperation({
    name: 'account.oauth_device',
    summary: 'Begin a sign-in by device code: a person types user_code at verification_uri, on any device.',
    input: byId,
    output: z.object({
      user_code: z.string(),
      verification_uri: z.string(),
      /** With the code already in it, where the provider has such an address. */
      verification_uri_complete: z.string().nullable(),
      expires_at: z.number().int(),
    }),
    permission: 'accounts:write',
    effects: 'write',
    http: { method: 'POST', path: '/v1/accounts/{id}/oauth/device' },
    handler: async ({ rooms }, { id }) => rooms.signIn.startDevice(await rooms.accounts.find(id)),
  }),
];
