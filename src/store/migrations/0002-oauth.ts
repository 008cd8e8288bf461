// OAuth2: the grant of each account that signs in with it, and the sign-ins that wait for a person's consent.
import type { Kysely } from 'kysely';
import { type ColumnTypes, tableBuilder } from '../table-builder.ts';

export const name = '0002-oauth';

export async function up(db: Kysely<unknown>, types: ColumnTypes): Promise<void> {
  const table = tableBuilder(db, types);
  await table('oauth_grants', {
    account_id: 'key',
    state: 'text',
    reason: 'text?',
    issued_at: 'integer?',
    expires_at: 'integer?',
    refresh_at: 'integer?',
    token_fence: 'integer',
    fence: 'integer',
    lease_owner: 'text?',
    lease_until: 'integer?',
    interrupted_at: 'integer?',
    failures: 'integer',
    next_attempt_at: 'integer?',
    last_error: 'text?',
    updated_at: 'integer',
  });
  await table(
    'oauth_states',
    {
      id: 'key',
      account_id: 'text',
      account_version: 'integer',
      kind: 'text',
      redirect_uri: 'text?',
      interval_ms: 'integer?',
      created_at: 'integer',
      expires_at: 'integer',
    },
    { index: [['account_id'], ['expires_at']] },
  );
}
