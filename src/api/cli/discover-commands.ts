// What was found out about an address's servers: shown, and taken into `account add` where they were left out.
import type { DiscoveredEndpoint, Discovery } from '../../contracts/discovery.ts';
import { accountCheckOperations } from '../operations/account-check.ts';
import { call, type Special } from './command.ts';
import { setAt } from './flags.ts';
import { type CliIo, canAsk, complain, EXIT, print, UsageError } from './io.ts';
import { confirm } from './prompt.ts';
import { safeLine } from './terminal-text.ts';

type Input = Record<string, unknown>;
type Say = (line: string) => void;

export const accountDiscover: Special = {
  show(io, answer: Discovery) {
    say(answer, (line) => print(io, line));
    for (const { source, from, ok, message, ms } of answer.attempts)
      print(
        io,
        `  ${ok ? 'found ' : '-     '}  ${source.padEnd(10)}  ${safeLine(`${from}: ${message}`)} (${ms} ms)`,
      );
  },
  exitCode: (answer: Discovery) => (answer.found ? EXIT.ok : EXIT.refused),
};

/**
 * Fills in the servers that were left out, as discovery finds them. A person says yes to what nobody vouches for.
 * @param usesPassword whether a password will be entered: some providers take none
 * @throws UsageError where nothing was found, or nobody is there to say yes
 */
export async function fillServers(io: CliIo, input: Input, usesPassword: boolean): Promise<void> {
  const missing = (['imap', 'smtp'] as const).filter((protocol) => hostOf(input, protocol) === undefined);
  if (missing.length === 0 || typeof input.address !== 'string') return;
  const operation = accountCheckOperations.find(({ name }) => name === 'account.discover');
  if (!operation) throw new Error('the registry has no operation account.discover');
  const { address, provider } = input;
  const found = (await call(
    io,
    operation,
    provider === undefined ? { address } : { address, provider },
  )) as Discovery;
  say(found, (line) => complain(io, line));
  const absent = missing.filter((protocol) => found[protocol] === null);
  if (absent.length > 0)
    throw new UsageError(
      `${absent.map((protocol) => `--${protocol}`).join(' and ')}: the servers of ${address} were not found`,
    );
  if (usesPassword && found.provider?.password.kind === 'none')
    throw new UsageError(`${found.provider.name} takes no passwords: add --auth-type oauth2 with a client`);
  await demandYes(io, found);
  for (const protocol of missing) {
    const { host, port, security } = found[protocol] as DiscoveredEndpoint;
    for (const [field, value] of Object.entries({ host, port, security }))
      setAt(input, [protocol, field], value);
  }
  if (missing.includes('imap') && found.provider) input.provider ??= found.provider.id;
  if (missing.includes('smtp') && found.sent_copy) input.sent_copy ??= found.sent_copy.value;
  const auth = (input.auth ?? {}) as Input;
  if (found.username && auth.username === undefined) setAt(input, ['auth', 'username'], found.username.value);
}

async function demandYes(io: CliIo, { warnings, imap, smtp }: Discovery): Promise<void> {
  const isGuess = imap?.source === 'guess' || smtp?.source === 'guess';
  if (warnings.length === 0 && !isGuess) return;
  if (!canAsk(io))
    throw new UsageError('--imap and --smtp: name the servers, for these are not sure to be yours');
  if (!(await confirm(io, 'Use these servers?'))) throw new UsageError('--imap and --smtp: name the servers');
}

function say(found: Discovery, line: Say): void {
  for (const protocol of ['imap', 'smtp'] as const) {
    const endpoint = found[protocol];
    line(
      `${protocol.toUpperCase()}  ${endpoint ? `${safeLine(endpoint.host)}:${endpoint.port} ${endpoint.security}, by ${safeLine(endpoint.from)} (${endpoint.source})` : 'not found'}`,
    );
  }
  if (found.provider) {
    line(`${safeLine(found.provider.name)}:`);
    const { page, kind } = found.provider.password;
    for (const step of [...found.provider.setup, ...found.provider.notes]) line(`  ${safeLine(step)}`);
    if (page !== null)
      line(`  ${kind === 'app_password' ? 'App passwords' : 'Authorisation codes'}: ${page}`);
  }
  for (const warning of found.warnings) line(`CAREFUL: ${safeLine(warning)}`);
}

const hostOf = (input: Input, protocol: 'imap' | 'smtp'): unknown =>
  (input[protocol] as { host?: unknown } | undefined)?.host;
