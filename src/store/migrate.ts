// Migrations run at every start, all in one transaction under the engine's own lock, so that two processes that start
// at once do not run them twice and a kill in the middle leaves the schema as it was.
import { type Kysely, sql } from 'kysely';
import { PosternError } from '../kernel/errors.ts';
import * as ledger from './migrations/0001-ledger.ts';
import * as connector from './migrations/0002-connector.ts';
import * as oauth from './migrations/0002-oauth.ts';
import * as source from './migrations/0002-source.ts';
import * as vault from './migrations/0002-vault.ts';
import * as waitsAndPools from './migrations/0002-waits-and-pools.ts';
import * as deliveries from './migrations/0003-deliveries.ts';
import * as history from './migrations/0003-history.ts';
import * as uploads from './migrations/0004-uploads.ts';
import * as rules from './migrations/0005-rules.ts';
import * as trust from './migrations/0006-trust.ts';
import * as knowledge from './migrations/0007-knowledge.ts';
import * as artifacts from './migrations/0008-artifacts.ts';
import * as contentNotes from './migrations/0009-content-notes.ts';
import * as sessions from './migrations/0010-sessions.ts';
import * as webhooks from './migrations/0011-webhooks.ts';
import * as capabilities from './migrations/0012-capabilities.ts';
import * as templates from './migrations/0013-templates.ts';
import * as modelSteps from './migrations/0014-model-steps.ts';
import * as sessionIndexes from './migrations/0015-session-indexes.ts';
import * as links from './migrations/0017-links.ts';
import * as outbox from './migrations/0018-outbox.ts';
import * as domains from './migrations/0019-domains.ts';
import * as suppressions from './migrations/0020-suppressions.ts';
import * as digests from './migrations/0021-digests.ts';
import * as jobIndexes from './migrations/0023-job-indexes.ts';
import type { ColumnTypes } from './table-builder.ts';

const MIGRATIONS = [
  ledger,
  connector,
  oauth,
  source,
  vault,
  waitsAndPools,
  deliveries,
  history,
  uploads,
  rules,
  trust,
  knowledge,
  artifacts,
  contentNotes,
  sessions,
  capabilities,
  templates,
  webhooks,
  modelSteps,
  sessionIndexes,
  links,
  outbox,
  domains,
  suppressions,
  digests,
  jobIndexes,
];

/**
 * Brings the schema up to date inside `tx`, which must hold the engine's write lock. Returns the names it ran.
 * @throws PosternError `ledger_too_new` when the ledger was written by a newer Postern
 */
export async function migrate(tx: Kysely<unknown>, types: ColumnTypes): Promise<string[]> {
  await sql`create table if not exists migrations (name text primary key not null, ran_at ${sql.raw(types.integer)} not null)`.execute(
    tx,
  );
  const rows = await sql<{ name: string }>`select name from migrations order by name`.execute(tx);
  const done = new Set(rows.rows.map((row) => row.name));
  const known = new Set<string>(MIGRATIONS.map((migration) => migration.name));
  const newer = [...done].filter((name) => !known.has(name));
  if (newer.length > 0) {
    throw new PosternError(
      'ledger_too_new',
      `The ledger was migrated by a newer Postern (${newer.join(', ')}).`,
      {
        hint: 'Start that version, or restore a backup that was made before it.',
      },
    );
  }
  const ran: string[] = [];
  for (const migration of MIGRATIONS) {
    if (done.has(migration.name)) continue;
    await migration.up(tx, types);
    await sql`insert into migrations (name, ran_at) values (${migration.name}, ${Date.now()})`.execute(tx);
    ran.push(migration.name);
  }
  return ran;
}
