// `account export` and `account import`: a file on this side, the gateway on the other. A passphrase is asked for at the
// terminal, or read from a file or stdin; it is never an argument, where the list of processes would show it.
import { writeFile } from 'node:fs/promises';
import type { AccountExport, AccountImport } from '../../contracts/account-export.ts';
import type { Operation } from '../registry.ts';
import { type Command, call } from './command.ts';
import { bytesFrom, type Flags, type Values } from './flags.ts';
import { type CliIo, canAsk, complain, EXIT, print, UsageError } from './io.ts';
import { askSecret } from './prompt.ts';
import { showJson } from './show.ts';
import { safeLine } from './terminal-text.ts';

const passphraseFlags: Flags = {
  'passphrase-file': { type: 'string', value: 'FILE', help: 'The passphrase from a file.' },
  'passphrase-stdin': { type: 'boolean', help: 'The passphrase from stdin. Without it you are asked.' },
};

export function accountExport(named: (name: string) => Operation): Command {
  return {
    words: ['account', 'export'],
    summary: 'Write the accounts into a file, or to the standard output; without secrets unless asked for.',
    args: ['[FILE]'],
    flags: {
      secrets: { type: 'boolean', help: 'With their secrets, sealed to a passphrase.' },
      account: {
        type: 'string',
        multiple: true,
        value: 'NAME',
        help: 'With --secrets: this one alone. Can be given several times.',
      },
      ...passphraseFlags,
    },
    async run(io, values, [file, ...more]) {
      if (more.length > 0) throw new UsageError('Give one file.');
      const given = ['account', 'passphrase-file', 'passphrase-stdin'].filter((name) => values[name]);
      if (!values.secrets && given.length > 0) throw new UsageError(`--${given[0]}: goes with --secrets`);
      const document = (
        values.secrets
          ? await call(io, named('account.export_sealed'), {
              passphrase: await passphrase(io, values, true),
              ...(values.account === undefined ? {} : { accounts: values.account }),
            })
          : await call(io, named('account.export'), {})
      ) as AccountExport;
      const text = `${JSON.stringify(document, null, 2)}\n`;
      if (file === undefined || file === '-') {
        io.stdout.write(text);
        return EXIT.ok;
      }
      try {
        // Readable by its owner alone; and what is there already may be the only copy of something.
        await writeFile(file, text, { flag: 'wx', mode: 0o600 });
      } catch (error) {
        throw new UsageError(`${file} cannot be written: ${(error as Error).message}`);
      }
      const count = document.accounts.length;
      complain(io, `${count} ${count === 1 ? 'account' : 'accounts'} written to ${safeLine(file)}.`);
      return EXIT.ok;
    },
  };
}

export function accountImport(named: (name: string) => Operation): Command {
  return {
    words: ['account', 'import'],
    summary: 'Take the accounts of an export: all of them, or none where one does not fit.',
    args: ['FILE'],
    flags: {
      replace: { type: 'boolean', help: 'Replace accounts that have the same labels.' },
      ...passphraseFlags,
    },
    async run(io, values, [file, ...more]) {
      if (file === undefined || more.length > 0) throw new UsageError('Give one file, or - for stdin.');
      if (file === '-' && values['passphrase-stdin'])
        throw new UsageError('--passphrase-stdin: stdin is the export');
      const document = documentFrom(file, (await bytesFrom(io, file)).toString('utf8'));
      const isSealed = (document.sealing ?? null) !== null;
      const answer = (await call(io, named('account.import'), {
        document,
        replace: values.replace === true,
        ...(isSealed ? { passphrase: await passphrase(io, values, false) } : {}),
      })) as AccountImport;
      if (values.json) showJson(io, answer);
      else say(io, answer);
      return EXIT.ok;
    },
  };
}

function documentFrom(file: string, text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null && !Array.isArray(value))
      return value as Record<string, unknown>;
  } catch {
    // Said below.
  }
  throw new UsageError(`${file} is no export: it does not hold a JSON object.`);
}

function say(io: CliIo, { added, replaced }: AccountImport): void {
  for (const [did, list] of [
    ['Added', added],
    ['Replaced', replaced],
  ] as const) {
    for (const { id, label, missing } of list) {
      const needs = missing.length > 0 ? `  still needs: ${missing.join(', ')}` : '';
      print(io, `${did} ${safeLine(label)} (${safeLine(id)})${needs}`);
    }
  }
  if (added.length + replaced.length === 0) print(io, 'The export holds no account.');
}

/** @param isNew asked for twice, for nobody sees what was typed */
async function passphrase(io: CliIo, values: Values, isNew: boolean): Promise<string> {
  const file = values['passphrase-file'];
  if (file !== undefined && values['passphrase-stdin'])
    throw new UsageError('Give --passphrase-file or --passphrase-stdin, not both.');
  if (typeof file === 'string' || values['passphrase-stdin']) {
    const text = (await bytesFrom(io, typeof file === 'string' ? file : '-')).toString('utf8');
    const secret = text.replace(/\r?\n$/, '');
    if (secret === '') throw new UsageError('The passphrase is empty.');
    return secret;
  }
  if (!canAsk(io))
    throw new UsageError('--passphrase-stdin or --passphrase-file: is needed where nobody can be asked');
  const secret = await askSecret(io, 'Passphrase');
  if (isNew && secret !== (await askSecret(io, 'Passphrase again')))
    throw new UsageError('The two passphrases are not the same.');
  return secret;
}
