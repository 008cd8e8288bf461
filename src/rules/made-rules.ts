// Rules that were made in the console or over REST: rows of the ledger with versions, author and time. A change is
// compiled with all other rules before it is written, and in force when the answer is given.
import type { Insertable, Selectable } from 'kysely';
import type { MadeRuleInput, MadeRuleVersion } from '../contracts/made-rule.ts';
import type { Clock } from '../kernel/clock.ts';
import { notFound, PosternError } from '../kernel/errors.ts';
import { newId } from '../kernel/ids.ts';
import type { MadeRulesTable, MadeRuleVersionsTable } from '../store/schema.ts';
import type { Reader, Store, Tx } from '../store/store.ts';
import type { RuleFile } from './compile.ts';
import { CANDIDATE, madeText, nameIn } from './made-text.ts';
import type { RuleSet } from './match.ts';
import type { MadeSource, RulesSource } from './source.ts';

const MAX_MADE_RULES = 2_000; // names that people gave; each change compiles them all. Files take ten thousands
const MAX_TRIES = 20; // of a change that another process was faster than

export type MadeRule = Selectable<MadeRulesTable>;

export interface MadeRulesParts {
  store: Store;
  clock: Clock;
  /** Where the rules are in force. */
  source: Pick<RulesSource, 'compileWith' | 'reload' | 'current'>;
}

export interface MadeRulePatch extends MadeRuleInput {
  enabled?: boolean | undefined;
  /** The version that the change was made from; a later one is not overwritten. */
  version?: number | undefined;
}

/** Those of the ledger that are switched on, by their creation. */
export const madeSource = (store: Store): MadeSource => ({
  revision: () => revisionOf(store.db),
  async files() {
    const rows = await allRows(store.db);
    return rows.filter(({ enabled }) => enabled === 1).map(asFile);
  },
});

export class MadeRules {
  readonly #parts: MadeRulesParts;
  #changing: Promise<unknown> = Promise.resolve();

  constructor(parts: MadeRulesParts) {
    this.#parts = parts;
  }

  /** By their creation, which is the order in which they are tried where their priority is the same. */
  list(): Promise<MadeRule[]> {
    return allRows(this.#parts.store.db);
  }

  /** @param id or the name @throws PosternError `not_found` */
  async get(id: string): Promise<MadeRule> {
    const row = await findRow(this.#parts.store.db, id);
    if (!row) throw notFound('rule made over REST', id);
    return row;
  }

  /** @throws PosternError `rules_invalid` with the positions in the text, `too_many_rules` */
  async create(input: MadeRuleInput & { enabled: boolean }, author: string): Promise<MadeRule> {
    const text = madeText(input);
    const now = this.#parts.clock.now();
    const id = newId('rul', now);
    return this.#change(async (rows) => {
      if (rows.length >= MAX_MADE_RULES) {
        throw new PosternError('too_many_rules', `At most ${MAX_MADE_RULES} rules can be made over REST.`, {
          hint: 'Write long lists of rules into files.',
        });
      }
      const row: MadeRule = {
        id,
        name: this.#checked(rows, text),
        version: 1,
        text,
        enabled: input.enabled ? 1 : 0,
        created_by: author,
        created_at: now,
        updated_by: author,
        updated_at: now,
      };
      return { row, write: (tx) => insertRow(tx, row), change: 'created' };
    });
  }

  /**
   * A patch that changes nothing makes no version.
   * @throws PosternError `not_found`, `rules_invalid`, `rule_changed` where it has another version by now
   */
  async patch(id: string, patch: MadeRulePatch, author: string): Promise<MadeRule> {
    const given = patch.text === undefined && patch.rule === undefined ? undefined : madeText(patch);
    return this.#change(async (rows) => {
      const before = oneOf(rows, id, patch.version);
      const text = given ?? before.text;
      const enabled = patch.enabled ?? before.enabled === 1;
      if (text === before.text && enabled === (before.enabled === 1)) return { row: before };
      const others = rows.filter((other) => other.id !== before.id);
      const row: MadeRule = {
        ...before,
        // A rule can be switched off also where it cannot be understood any more.
        name: given === undefined && !enabled ? before.name : this.#checked(others, text),
        version: before.version + 1,
        text,
        enabled: enabled ? 1 : 0,
        updated_by: author,
        updated_at: this.#parts.clock.now(),
      };
      return { row, write: (tx) => updateRow(tx, row), change: 'updated' };
    });
  }

  /** Its versions stay. @throws PosternError `not_found`, `rule_changed` */
  async remove(id: string, author: string, version?: number): Promise<void> {
    await this.#change(async (rows) => {
      const before = oneOf(rows, id, version);
      const row: MadeRule = {
        ...before,
        version: before.version + 1,
        updated_by: author,
        updated_at: this.#parts.clock.now(),
      };
      return { row, write: (tx) => deleteRow(tx, row.id), change: 'deleted' };
    });
  }

  /** The newest first; those of a rule that was removed by its id alone. @throws PosternError `not_found` */
  async versions(id: string, range: { limit: number; before?: string }): Promise<MadeRuleVersion[]> {
    const { db } = this.#parts.store;
    const ruleId = (await findRow(db, id))?.id ?? id;
    let query = db
      .selectFrom('made_rule_versions')
      .selectAll()
      .where('rule_id', '=', ruleId)
      .orderBy('version', 'desc')
      .limit(range.limit);
    if (range.before !== undefined) {
      const before = db.selectFrom('made_rule_versions').select('version').where('id', '=', range.before);
      query = query.where('version', '<', before);
    }
    const rows = await query.execute();
    if (rows.length === 0 && range.before === undefined) throw notFound('rule made over REST', id);
    return rows.map(versionOf);
  }

  /**
   * The set in force with a rule in the place of the made one that has its id or name, or else behind all others.
   * @param files in the place of those in force
   * @throws PosternError `rules_invalid`
   */
  async trial(
    rule: (MadeRuleInput & { id?: string | undefined }) | null,
    files?: readonly RuleFile[],
  ): Promise<RuleSet> {
    const { source, store } = this.#parts;
    const rows = await allRows(store.db);
    const enabled = (row: MadeRule): RuleFile[] => (row.enabled === 1 ? [asFile(row)] : []);
    if (rule === null) return source.compileWith(rows.flatMap(enabled), files);
    const candidate: RuleFile = { name: CANDIDATE, text: madeText(rule), made: true };
    const name = nameIn(candidate.text);
    const place = rows.findIndex((row) => (rule.id === undefined ? row.name === name : row.id === rule.id));
    const made = rows.flatMap((row, at) => (at === place ? [candidate] : enabled(row)));
    return source.compileWith(place < 0 ? [...made, candidate] : made, files);
  }

  /** The name of a rule that can be written: it compiles with all others, also where it is switched off. */
  #checked(rows: readonly MadeRule[], text: string): string {
    const name = nameIn(text) ?? '';
    const taken = rows.find((row) => row.name === name);
    if (taken) {
      throw new PosternError('rule_name_taken', `The rule ${taken.id} has the name “${name}” already.`, {
        hint: 'Choose another name, or change that rule.',
      });
    }
    const others = rows.filter((row) => row.enabled === 1).map(asFile);
    this.#parts.source.compileWith([...others, { name: CANDIDATE, text, made: true }]);
    return name;
  }

  /** One change after the other. What another process wrote meanwhile is looked at, and the change tried again. */
  #change(prepare: (rows: readonly MadeRule[]) => Promise<Change>): Promise<MadeRule> {
    const changed = this.#changing.then(async () => {
      for (let attempt = 1; ; attempt++) {
        const row = await this.#tryChange(prepare);
        if (row) {
          await this.#parts.source.reload();
          return row;
        }
        if (attempt === MAX_TRIES) {
          throw new PosternError('rules_busy', 'Other processes change the rules all the time.', {
            retry: 'later',
          });
        }
      }
    });
    this.#changing = changed.catch(() => undefined);
    return changed;
  }

  async #tryChange(prepare: (rows: readonly MadeRule[]) => Promise<Change>): Promise<MadeRule | null> {
    const { store, clock } = this.#parts;
    const revision = await revisionOf(store.db);
    const { row, write, change } = await prepare(await allRows(store.db));
    if (!write) return row;
    return store.write(async (tx) => {
      if ((await revisionOf(tx)) !== revision) return null;
      await write(tx);
      await insertVersion(tx, {
        id: newId('rlv', clock.now()),
        number: revision + 1,
        rule_id: row.id,
        version: row.version,
        change,
        name: row.name,
        text: row.text,
        enabled: row.enabled,
        author: row.updated_by,
        created_at: row.updated_at,
      });
      return row;
    });
  }
}

/** A row to write with its version, or one that stays as it is. */
type Change =
  | { row: MadeRule; write: (tx: Tx) => Promise<unknown>; change: MadeRuleVersion['change'] }
  | { row: MadeRule; write?: undefined; change?: undefined };

/** @throws PosternError `not_found`, `rule_changed` */
function oneOf(rows: readonly MadeRule[], id: string, version: number | undefined): MadeRule {
  const row = rows.find((one) => one.id === id) ?? rows.find((one) => one.name === id);
  if (!row) throw notFound('rule made over REST', id);
  if (version !== undefined && version !== row.version) {
    throw new PosternError(
      'rule_changed',
      `The rule has version ${row.version} by now, made by ${row.updated_by}.`,
      { hint: 'Read it again, and make the change from there.', details: { version: row.version } },
    );
  }
  return row;
}

async function revisionOf(db: Reader): Promise<number> {
  const { revision } = await db
    .selectFrom('made_rule_versions')
    .select((eb) => eb.fn.max('number').as('revision'))
    .executeTakeFirstOrThrow();
  return Number(revision ?? 0);
}

const allRows = (db: Reader): Promise<MadeRule[]> =>
  db.selectFrom('made_rules').selectAll().orderBy('created_at').orderBy('id').limit(MAX_MADE_RULES).execute();

async function findRow(db: Reader, id: string): Promise<MadeRule | undefined> {
  const rows = db.selectFrom('made_rules').selectAll();
  const byId = await rows.where('id', '=', id).executeTakeFirst();
  return byId ?? rows.where('name', '=', id).executeTakeFirst();
}

const insertRow = (tx: Tx, row: Insertable<MadeRulesTable>) =>
  tx.insertInto('made_rules').values(row).execute();
const updateRow = (tx: Tx, { id, ...row }: MadeRule) =>
  tx.updateTable('made_rules').set(row).where('id', '=', id).execute();
const deleteRow = (tx: Tx, id: string) => tx.deleteFrom('made_rules').where('id', '=', id).execute();
const insertVersion = (tx: Tx, row: Insertable<MadeRuleVersionsTable>) =>
  tx.insertInto('made_rule_versions').values(row).execute();

const asFile = ({ id, text }: MadeRule): RuleFile => ({ name: id, text, made: true });

const versionOf = ({ number: _, ...row }: Selectable<MadeRuleVersionsTable>): MadeRuleVersion => ({
  ...row,
  change: row.change as MadeRuleVersion['change'],
  enabled: row.enabled === 1,
});
