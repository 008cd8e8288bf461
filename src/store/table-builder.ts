// A short way to write a table in a migration: columns by a word each, the same on every engine.
import type { CreateTableBuilder, Kysely } from 'kysely';
import { sql } from 'kysely';

/** The two types that differ between the engines. */
export interface ColumnTypes {
  readonly integer: 'integer' | 'bigint';
  readonly bytes: 'blob' | 'bytea';
}

/** `key`: the text primary key. `?`: may be null. `text='…'`: with a default. */
type Column = 'key' | 'text' | 'text?' | 'integer' | 'integer?' | 'bytes?' | `text='${string}'`;

interface TableOptions {
  /** The primary key, where it is not one column. */
  key?: string[];
  unique?: string[][];
  index?: string[][];
}

export function tableBuilder(db: Kysely<unknown>, types: ColumnTypes) {
  return async (name: string, columns: Record<string, Column>, options: TableOptions = {}): Promise<void> => {
    let table: CreateTableBuilder<string, string> = db.schema.createTable(name);
    for (const [column, word] of Object.entries(columns)) {
      table = table.addColumn(column, columnType(word, types), (definition) => {
        if (word === 'key') return definition.primaryKey().notNull();
        if (word.startsWith('text='))
          return definition.notNull().defaultTo(sql.raw(word.slice('text='.length)));
        return word.endsWith('?') ? definition : definition.notNull();
      });
    }
    if (options.key) table = table.addPrimaryKeyConstraint(`${name}_key`, options.key);
    await table.execute();
    for (const on of options.unique ?? []) {
      await db.schema
        .createIndex(`${name}_by_${on.join('_')}`)
        .on(name)
        .columns(on)
        .unique()
        .execute();
    }
    for (const on of options.index ?? []) {
      await db.schema
        .createIndex(`${name}_by_${on.join('_')}`)
        .on(name)
        .columns(on)
        .execute();
    }
  };
}

function columnType(word: Column, types: ColumnTypes) {
  if (word.startsWith('integer')) return types.integer;
  return word === 'bytes?' ? sql.raw(types.bytes) : 'text';
}
