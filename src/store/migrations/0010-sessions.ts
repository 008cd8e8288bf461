// What sessions have beside their turns: the record of what happened in them, limits that end them, and pauses that hold
// them up.
import type { Kysely } from 'kysely';
import { type ColumnTypes, tableBuilder } from '../table-builder.ts';

export const name = '0010-sessions';

export async function up(db: Kysely<unknown>, types: ColumnTypes): Promise<void> {
  const table = tableBuilder(db, types);
  await table(
    'turn_records',
    {
      id: 'key',
      session_id: 'text',
      turn_id: 'text?',
      seq: 'integer',
      at: 'integer',
      kind: 'text',
      data: 'text',
    },
    { unique: [['session_id', 'seq']], index: [['turn_id']] },
  );
  await table(
    'agent_pauses',
    { scope: 'text', name: 'text', reason: 'text', paused_by: 'text', paused_at: 'integer' },
    { key: ['scope', 'name'] },
  );
  const sessions = () => db.schema.alterTable('sessions');
  await sessions()
    .addColumn('branch', 'text', (column) => column.notNull().defaultTo(''))
    .execute();
  await sessions().addColumn('rested_at', types.integer).execute();
  await sessions()
    .addColumn('cost_micros', types.integer, (column) => column.notNull().defaultTo(0))
    .execute();
  await db.schema.alterTable('turns').addColumn('usage', 'text').execute();
  await db.schema.dropIndex('sessions_by_thread_id_rule_agent').execute();
  await db.schema
    .createIndex('sessions_by_thread_id_rule_agent_branch')
    .on('sessions')
    .columns(['thread_id', 'rule', 'agent', 'branch'])
    .unique()
    .execute();
  await db.schema
    .createIndex('sessions_by_state_rested_at')
    .on('sessions')
    .columns(['state', 'rested_at'])
    .execute();
}
