// The conversations of agents that are models, step by step: a turn that was cut off goes on where it was.
import type { Kysely } from 'kysely';
import { type ColumnTypes, tableBuilder } from '../table-builder.ts';

export const name = '0014-model-steps';

export async function up(db: Kysely<unknown>, types: ColumnTypes): Promise<void> {
  await tableBuilder(db, types)(
    'model_steps',
    { turn_id: 'text', number: 'integer', said: 'text', answers: 'text' },
    { key: ['turn_id', 'number'] },
  );
}
