// Accounts out into a document and in from one. An import reads the whole document before it writes, and writes in one
// transaction: all of the accounts, or none.
import type { AccountAuth } from '../contracts/account.ts';
import {
  type AccountExport,
  type AccountImport,
  accountExport,
  EXPORT_FORMAT,
  EXPORT_VERSION,
  type ExportedAccount,
  type ExportedSecret,
  exportedSecret,
} from '../contracts/account-export.ts';
import type { Clock } from '../kernel/clock.ts';
import { explain, notFound, PosternError } from '../kernel/errors.ts';
import { newId } from '../kernel/ids.ts';
import type { AccountsTable } from '../store/schema.ts';
import type { Store, Tx } from '../store/store.ts';
import { type Accounts, isSameClient, movedServers } from './accounts.ts';
import { newExportKey, openExportKey } from './export-sealing.ts';
import { oauthEndpoints } from './oauth-providers.ts';
import { replaceSignIn, signInRecord } from './sign-in-record.ts';
import type { Vault } from './vault.ts';

export interface TransferParts {
  store: Store;
  vault: Vault;
  clock: Clock;
  accounts: Pick<Accounts, 'list' | 'announce'>;
}

interface Problem {
  path: string;
  message: string;
}

interface Incoming {
  account: ExportedAccount;
  secrets: Partial<Record<ExportedSecret, string>>;
}

export class AccountTransfer {
  readonly #parts: TransferParts;

  constructor(parts: TransferParts) {
    this.#parts = parts;
  }

  /**
   * @param labels null: all accounts
   * @param passphrase null: without secrets
   * @throws PosternError `not_found`, `secret_unreadable`
   */
  async export(labels: readonly string[] | null, passphrase: string | null): Promise<AccountExport> {
    const { store, vault, clock, accounts } = this.#parts;
    const all = await accounts.list();
    for (const name of labels ?? [])
      if (!all.some(({ id, settings }) => name === id || name === settings.label))
        throw notFound('account', name);
    const wanted = all.filter(
      ({ id, settings }) => labels === null || labels.includes(id) || labels.includes(settings.label),
    );
    const key = passphrase === null ? null : await newExportKey(passphrase);
    const document: AccountExport = {
      format: EXPORT_FORMAT,
      version: EXPORT_VERSION,
      exported_at: new Date(clock.now()).toISOString(),
      sealing: key?.sealing ?? null,
      accounts: [],
    };
    for (const { id, settings, auth } of wanted) {
      const account = JSON.parse(JSON.stringify({ settings, auth })) as ExportedAccount;
      if (key) {
        const secrets: ExportedAccount['secrets'] = {};
        for (const field of exportedSecret.options) {
          const secret = await vault.get(store.db, id, field);
          if (secret !== null) secrets[field] = key.seal(secret, { ...account }, field);
        }
        account.secrets = secrets;
      }
      document.accounts.push(account);
    }
    return document;
  }

  /**
   * @param document as `export` made it, read from JSON and otherwise untouched
   * @throws ZodError for what is no such document; PosternError `passphrase_needed`, `passphrase_wrong`,
   *   `account_label_taken` with all the labels, `invalid_input` with every other problem
   */
  async import(
    document: unknown,
    { passphrase, replace }: { passphrase: string | null; replace: boolean },
  ): Promise<AccountImport> {
    const { store, accounts } = this.#parts;
    const incoming = await this.#read(document, passphrase);
    const done = await store.write(async (tx) => {
      const labels = incoming.map(({ account }) => account.settings.label);
      const known = new Map<string, AccountsTable>();
      for (const row of await tx.selectFrom('accounts').selectAll().execute())
        if (labels.includes(row.label)) known.set(row.label, row);
      if (!replace && known.size > 0) throw labelsTaken([...known.keys()].sort());
      refuse(incoming.flatMap((one, i) => unreachableSecrets(one, known.get(labels[i] as string), i)));
      const result: AccountImport = { added: [], replaced: [] };
      for (const one of incoming) {
        const row = known.get(one.account.settings.label);
        const id = row ? await this.#replace(tx, row, one) : await this.#add(tx, one);
        const entry = { id, label: one.account.settings.label, missing: await this.#missing(tx, id, one) };
        (row ? result.replaced : result.added).push(entry);
      }
      return result;
    });
    for (const { id } of [...done.added, ...done.replaced]) accounts.announce(id);
    return done;
  }

  /** Every account with its secrets opened; nothing is looked up or written yet. */
  async #read(document: unknown, passphrase: string | null): Promise<Incoming[]> {
    const parsed = accountExport.parse(document);
    // The document as it came: what the secrets are bound to has no defaults of a later version in it.
    const raw = (document as { accounts: Record<string, unknown>[] }).accounts;
    const sealed = parsed.accounts.some(({ secrets }) => secrets !== undefined);
    if (sealed && passphrase === null) {
      throw new PosternError('passphrase_needed', 'The export holds secrets, sealed to a passphrase.', {
        hint: 'Give the passphrase it was made with.',
      });
    }
    const key =
      passphrase !== null && parsed.sealing !== null ? await openExportKey(passphrase, parsed.sealing) : null;
    const problems: Problem[] = [];
    const seen = new Set<string>();
    const incoming = parsed.accounts.map((account, i): Incoming => {
      const { label } = account.settings;
      const at = `accounts.${i}`;
      if (seen.has(label))
        problems.push({ path: `${at}.settings.label`, message: `${label} is there twice` });
      seen.add(label);
      try {
        if (account.auth.type === 'oauth2') oauthEndpoints(account.auth);
      } catch (error) {
        problems.push({ path: `${at}.auth`, message: explain(error) });
      }
      const { secrets: _sealed, ...bound } = raw[i] ?? {};
      const secrets: Incoming['secrets'] = {};
      for (const [field, text] of Object.entries(account.secrets ?? {}) as [ExportedSecret, string][]) {
        if (!belongs(field, account))
          problems.push({ path: `${at}.secrets.${field}`, message: 'does not belong to this sign-in' });
        try {
          if (key) secrets[field] = key.open(text, bound, field);
          else problems.push({ path: 'sealing', message: 'is needed where there are secrets' });
        } catch {
          problems.push({
            path: `${at}.secrets.${field}`,
            message: `does not open: ${label} was changed after its export (change it after the import instead)`,
          });
        }
      }
      return { account, secrets };
    });
    refuse(problems);
    return incoming;
  }

  async #add(tx: Tx, { account, secrets }: Incoming): Promise<string> {
    const { vault, clock } = this.#parts;
    const now = clock.now();
    const id = newId('acc', now);
    const times = { created_at: now, updated_at: now };
    await tx
      .insertInto('accounts')
      .values({ ...columnsOf(account), ...times, id, version: 1 })
      .execute();
    await replaceSignIn(tx, vault, id, authOf(account, secrets), { keepSecrets: false }, now);
    return id;
  }

  async #replace(tx: Tx, row: AccountsTable, { account, secrets }: Incoming): Promise<string> {
    const { vault, clock } = this.#parts;
    const now = clock.now();
    await tx
      .updateTable('accounts')
      .set({ ...columnsOf(account), version: row.version + 1, updated_at: now })
      .where('id', '=', row.id)
      .execute();
    const keepSecrets = staysSame(row, account);
    const keepsPassword = keepSecrets && account.auth.type === 'basic' && secrets.password === undefined;
    if (!keepsPassword)
      await replaceSignIn(tx, vault, row.id, authOf(account, secrets), { keepSecrets }, now);
    return row.id;
  }

  async #missing(tx: Tx, id: string, { account: { auth } }: Incoming): Promise<ExportedSecret[]> {
    const field = neededSecret(auth);
    return field !== null && (await this.#parts.vault.get(tx, id, field)) === null ? [field] : [];
  }
}

const columnsOf = ({ settings, auth }: ExportedAccount) => ({
  label: settings.label,
  active: settings.active ? 1 : 0,
  settings: JSON.stringify(settings),
  auth: JSON.stringify(signInRecord(authOf({ settings, auth }, {}))),
});

function authOf({ auth }: ExportedAccount, secrets: Incoming['secrets']): AccountAuth {
  if (auth.type === 'oauth2') return { ...auth, ...secrets };
  const { password_secret_ref: reference, ...rest } = auth;
  return { ...rest, ...(reference === null ? secrets : { password_secret_ref: reference }) };
}

/** The secret that the sign-in cannot do without; null: there is none in the vault. */
function neededSecret(auth: ExportedAccount['auth']): ExportedSecret | null {
  if (auth.type === 'basic') return auth.password_secret_ref === null ? 'password' : null;
  if (auth.flow !== 'client_credentials') return 'refresh_token';
  return auth.client_secret_ref === undefined ? 'client_secret' : null;
}

function belongs(field: ExportedSecret, { auth }: ExportedAccount): boolean {
  if (auth.type === 'basic') return field === 'password' && auth.password_secret_ref === null;
  return field === 'refresh_token' || (field === 'client_secret' && auth.client_secret_ref === undefined);
}

/** Whether the secrets at hand were entered for the very servers and client that the document names. */
function staysSame(row: AccountsTable, { settings, auth }: ExportedAccount): boolean {
  const before = JSON.parse(row.auth) as ExportedAccount['auth'];
  if (movedServers(JSON.parse(row.settings), settings).length > 0) return false;
  if (before.type === 'oauth2') return isSameClient(before, auth);
  return auth.type === 'basic' && before.username === auth.username;
}

/** An account that is replaced without its secrets keeps those it has, unless they would go to another server. */
function unreachableSecrets(one: Incoming, row: AccountsTable | undefined, i: number): Problem[] {
  if (!row || Object.keys(one.secrets).length > 0 || staysSame(row, one.account)) return [];
  if (neededSecret(one.account.auth) === null) return [];
  const message =
    `${one.account.settings.label} signs in elsewhere here, and the document has no secret for it: ` +
    'export with secrets, or remove the account first';
  return [{ path: `accounts.${i}.auth`, message }];
}

function refuse(problems: readonly Problem[]): void {
  if (problems.length === 0) return;
  const shown = problems.slice(0, 3).map(({ path, message }) => `${path}: ${message}`);
  const more = problems.length > 3 ? ` (and ${problems.length - 3} more)` : '';
  throw new PosternError('invalid_input', `Nothing is imported: ${shown.join('; ')}${more}.`, {
    details: { errors: problems },
  });
}

const labelsTaken = (labels: readonly string[]): PosternError =>
  new PosternError(
    'account_label_taken',
    `There are already accounts with the labels ${labels.join(', ')}.`,
    {
      hint: 'Import with replace, or remove them first.',
      details: { errors: labels.map((label) => ({ path: 'accounts', message: `${label} is taken` })) },
    },
  );
