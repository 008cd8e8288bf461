// What the proofs about tokens are made in: an OAuth2 server with short tokens that rotate, a Dovecot that asks it, and
// gateways on one folder.
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AccountView, SignInCheck } from '../../../src/contracts/account.ts';
import { type Dovecot, startDovecot } from '../../support/dovecot.ts';
import { TestGateway } from '../../support/gateway.ts';
import { CLIENT, type OAuthServer, startOAuthServer } from '../../support/oauth-server.ts';

export const TOKEN_SECONDS = 10;

export interface World {
  provider: OAuthServer;
  dovecot: Dovecot;
  users: string[];
  /** A gateway on the one ledger; it is not started. */
  gateway(): TestGateway;
  end(): Promise<void>;
}

export const labelOf = (user: string): string => user.slice(0, user.indexOf('@'));

export async function makeWorld(accounts: number, accessTokenSeconds = TOKEN_SECONDS): Promise<World> {
  const users = Array.from({ length: accounts }, (_, at) => `user${at + 1}@company.example`);
  const provider = await startOAuthServer({ accessTokenSeconds });
  const dovecot = await startDovecot({
    users: Object.fromEntries(users.map((user) => [user, 'never used'])),
    oauth: { introspectionUrl: provider.introspectionUrl },
  });
  const folder = await mkdtemp(join(tmpdir(), 'postern-oauth-proof-'));
  await mkdir(join(folder, 'rules'));
  const made: TestGateway[] = [];
  return {
    provider,
    dovecot,
    users,
    gateway: () => {
      const gateway = new TestGateway(folder, {});
      made.push(gateway);
      return gateway;
    },
    end: async () => {
      for (const gateway of made) await gateway.kill();
      await dovecot.stop();
      await provider.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** An account as it is added, with a refresh token that is fresh from the provider. */
export async function accountInput(
  { provider, dovecot }: World,
  user: string,
): Promise<Record<string, unknown>> {
  return {
    label: labelOf(user),
    address: user,
    imap: { host: dovecot.host, port: dovecot.imapPort, security: 'starttls', ca: dovecot.ca },
    smtp: { host: dovecot.host, port: 1, security: 'starttls' },
    auth: {
      type: 'oauth2',
      provider: 'company',
      flow: 'refresh_token',
      client_id: CLIENT.id,
      client_secret: CLIENT.secret,
      refresh_token: await provider.refreshToken(user),
      ...provider.endpoints,
    },
  };
}

/** A sign-in at the IMAP server, now. */
export async function signsIn(gateway: TestGateway, user: string): Promise<boolean> {
  const { status, body } = await gateway.request<SignInCheck>(
    'POST',
    `/v1/accounts/${labelOf(user)}/imap/validate`,
  );
  return status === 200 && body.ok;
}

export const viewOf = (gateway: TestGateway, user: string): Promise<AccountView> =>
  gateway.get<AccountView>(`/v1/accounts/${labelOf(user)}`);
