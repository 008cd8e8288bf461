// `account add` and `account update` as a person would say them.
import type { Special } from './command.ts';
import { fillServers } from './discover-commands.ts';
import { bytesFrom, type Flags, setAt, type Values } from './flags.ts';
import { type CliIo, canAsk, UsageError } from './io.ts';
import { meansOAuth, oauthFlags, oauthFrom } from './oauth-commands.ts';
import { askSecret } from './prompt.ts';

type Input = Record<string, unknown>;
type Protocol = 'imap' | 'smtp';

/** The usual ports (RFC 8314, RFC 9051), and what each port says of the encryption on it. */
const PORTS: Record<Protocol, Record<string, number>> = {
  imap: { tls: 993, starttls: 143, none: 143 },
  smtp: { tls: 465, starttls: 587, none: 25 },
};
const SECURITY_OF_PORT: Record<number, string> = {
  993: 'tls',
  465: 'tls',
  143: 'starttls',
  587: 'starttls',
  25: 'starttls',
};

const flags: Flags = {
  imap: {
    type: 'string',
    value: 'HOST[:PORT]',
    help: 'The IMAP server; found out by the address where absent.',
  },
  smtp: {
    type: 'string',
    value: 'HOST[:PORT]',
    help: 'The SMTP server; found out by the address where absent.',
  },
  security: {
    type: 'string',
    value: 'tls|starttls|none',
    help: 'For both servers; by the port where absent.',
  },
  ca: {
    type: 'string',
    value: 'FILE',
    help: 'A PEM certificate of the authority to trust besides the system’s.',
  },
  username: { type: 'string', value: 'NAME', help: 'To sign in with; the address where absent.' },
  'password-stdin': { type: 'boolean', help: 'Read the password from stdin. Without it you are asked.' },
  ...oauthFlags,
};
const without = ['imap-host', 'imap-port', 'imap-ca', 'smtp-host', 'smtp-port', 'smtp-ca', 'auth-username'];

export const accountAdd: Special = {
  flags,
  without,
  async prepare(io, values, input) {
    if (input.address === undefined && values.username === undefined && input.auth === undefined) {
      throw new UsageError('--address: is needed');
    }
    await readEndpoints(io, values, input);
    await fillServers(io, input, !meansOAuth(input));
    if (meansOAuth(input)) return { ...input, auth: await oauthFrom(io, values, input) };
    const auth = signIn(values, input, String(input.address ?? ''));
    if (auth.password === undefined && auth.password_secret_ref === undefined) {
      auth.password = await password(io, values, 'Password');
    }
    return { ...input, auth };
  },
};

export const accountUpdate: Special = {
  flags,
  without,
  async prepare(io, values, input) {
    await readEndpoints(io, values, input);
    if (meansOAuth(input)) return { ...input, auth: await oauthFrom(io, values, input) };
    const reference = (input.auth as Input | undefined)?.password_secret_ref;
    if (values.username === undefined && !values['password-stdin'] && reference === undefined) return input;
    if (values.username === undefined && (input.auth as Input | undefined)?.username === undefined) {
      throw new UsageError('--username: is needed with a new password');
    }
    const auth = signIn(values, input, '');
    if (reference === undefined) auth.password = await password(io, values, 'Password');
    return { ...input, auth };
  },
};

async function readEndpoints(io: CliIo, values: Values, input: Input): Promise<void> {
  const ca = typeof values.ca === 'string' ? (await bytesFrom(io, values.ca)).toString('utf8') : undefined;
  for (const protocol of ['imap', 'smtp'] as const) {
    const where = values[protocol];
    if (typeof where === 'string') {
      const wanted = (values[`${protocol}-security`] ?? values.security) as string | undefined;
      const { host, port, security } = endpoint(protocol, where, wanted);
      setAt(input, [protocol, 'host'], host);
      setAt(input, [protocol, 'port'], port);
      setAt(input, [protocol, 'security'], security);
    } else if (typeof values.security === 'string') setAt(input, [protocol, 'security'], values.security);
    if (ca !== undefined) setAt(input, [protocol, 'ca'], ca);
  }
}

/** `mail.example.org`, `mail.example.org:993` or `[::1]:993`. @throws UsageError */
function endpoint(protocol: Protocol, text: string, wanted: string | undefined) {
  const found = /^(?:\[([0-9A-Fa-f:.]+)\]|([^:[\]\s/]+))(?::(\d{1,5}))?$/.exec(text);
  const host = found?.[1] ?? found?.[2];
  if (host === undefined) throw new UsageError(`--${protocol}: write HOST or HOST:PORT, without a scheme`);
  const given = found?.[3] === undefined ? undefined : Number(found[3]);
  const security = wanted ?? (given === undefined ? 'tls' : (SECURITY_OF_PORT[given] ?? 'tls'));
  const port = given ?? PORTS[protocol][security];
  if (port === undefined) throw new UsageError('--security: write tls, starttls or none');
  return { host, port, security };
}

function signIn(values: Values, input: Input, address: string): Input {
  const given = (input.auth ?? {}) as Input;
  return { ...given, type: 'basic', username: values.username ?? given.username ?? address };
}

async function password(io: CliIo, values: Values, question: string): Promise<string> {
  if (values['password-stdin']) {
    // One newline is the terminal's; what else there is may belong to the password.
    const secret = (await bytesFrom(io, '-')).toString('utf8').replace(/\r?\n$/, '');
    if (secret === '') throw new UsageError('--password-stdin: stdin is empty');
    return secret;
  }
  if (canAsk(io)) return askSecret(io, question);
  throw new UsageError(
    '--password-stdin: is needed where nobody can be asked (or --auth-password-secret-ref)',
  );
}
