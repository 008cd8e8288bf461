// OAuth2 at the terminal: an account's client as flags say it, and `account sign-in`, which shows where to go and waits
// for the end.
import type { AccountView } from '../../contracts/account.ts';
import type { LiveEvent } from '../../contracts/live-event.ts';
import type { Operation } from '../registry.ts';
import { GatewayClient } from './client.ts';
import type { Command } from './command.ts';
import { bytesFrom, type Flags, type Values } from './flags.ts';
import { type CliIo, complain, EXIT, print, UsageError } from './io.ts';
import { showJson } from './show.ts';
import { safeLine } from './terminal-text.ts';

type Input = Record<string, unknown>;

export const oauthFlags: Flags = {
  'client-secret-stdin': {
    type: 'boolean',
    help: 'OAuth2: read the client secret from stdin; without it the client is a public one.',
  },
  'refresh-token-stdin': {
    type: 'boolean',
    help: 'OAuth2: read a refresh token from stdin, on a line after that of the client secret.',
  },
};

/** Whether the flags say that the account signs in by OAuth2. */
export const meansOAuth = (input: Input): boolean => {
  const auth = input.auth as Input | undefined;
  return auth?.type === 'oauth2' || auth?.provider !== undefined;
};

/** The `auth` of an account that signs in by OAuth2. @throws UsageError */
export async function oauthFrom(io: CliIo, values: Values, input: Input): Promise<Input> {
  const { username } = values;
  const auth: Input = { ...(input.auth as Input), type: 'oauth2' };
  if (username !== undefined) auth.username = username;
  const wanted = ['client-secret-stdin', 'refresh-token-stdin'].filter((flag) => values[flag]);
  if (wanted.length === 0) return auth;
  const lines = (await bytesFrom(io, '-')).toString('utf8').split(/\r?\n/);
  for (const [at, flag] of wanted.entries()) {
    const line = lines[at];
    if (line === undefined || line === '') throw new UsageError(`--${flag}: stdin has no line for it`);
    auth[flag === 'client-secret-stdin' ? 'client_secret' : 'refresh_token'] = line;
  }
  return auth;
}

interface Started {
  authorize_url?: string;
  redirect_uri?: string;
  user_code?: string;
  verification_uri?: string;
  verification_uri_complete?: string | null;
  expires_at: number;
}

/** `postern account sign-in ACCOUNT`. @param named finds an operation of the registry */
export function accountSignIn(named: (name: string) => Operation): Command {
  return {
    words: ['account', 'sign-in'],
    summary: 'Sign an account in by OAuth2: shows where to go, and waits until it is done.',
    args: ['ID'],
    flags: {
      device: { type: 'boolean', help: 'By a code that is typed on another device.' },
      'no-wait': { type: 'boolean', help: 'Show where to go, and end.' },
    },
    async run(io, values, [id, ...more]) {
      if (id === undefined || more.length > 0) throw new UsageError('ID: name one account');
      const client = new GatewayClient(io.settings);
      const account = (await client.call(named('account.get'), { id })) as AccountView;
      const isDevice =
        values.device || (account.auth.type === 'oauth2' && account.auth.flow === 'device_code');
      const stop = new AbortController();
      // Listening first: the end of a sign-in that is quick is not missed.
      const events = client.events(stop.signal);
      try {
        await events.next();
        const start = named(isDevice ? 'account.oauth_device' : 'account.oauth_start');
        const started = (await client.call(start, { id: account.id })) as Started;
        if (values.json) showJson(io, started);
        else sayStart(io, started);
        if (values['no-wait']) return EXIT.ok;
        return await ended(io, account, events, started.expires_at, stop);
      } finally {
        stop.abort();
      }
    },
  };
}

function sayStart(io: CliIo, started: Started): void {
  if (started.authorize_url !== undefined) {
    print(io, 'Open this address in a browser, and consent as the owner of the mailbox:\n');
    print(io, `  ${safeLine(started.authorize_url)}\n`);
    print(io, `(The client at the provider needs the redirect URI ${safeLine(started.redirect_uri ?? '')})`);
    return;
  }
  print(io, `Open ${safeLine(started.verification_uri ?? '')} on any device, and type the code:\n`);
  print(io, `  ${safeLine(started.user_code ?? '')}\n`);
  if (started.verification_uri_complete) print(io, `Or open ${safeLine(started.verification_uri_complete)}`);
}

/** Waits for the event that tells how it ended, until the sign-in is too old. */
async function ended(
  io: CliIo,
  account: AccountView,
  events: AsyncGenerator<LiveEvent | null>,
  expiresAt: number,
  stop: AbortController,
): Promise<number> {
  const limit = setTimeout(() => stop.abort(), Math.max(expiresAt - Date.now(), 0)).unref();
  try {
    for await (const event of events) {
      if (event?.type !== 'account.changed' || event.data.account_id !== account.id) continue;
      if (event.data.sign_in === 'ok') {
        print(io, `The account ${safeLine(account.label)} is signed in.`);
        return EXIT.ok;
      }
      if (event.data.sign_in === 'failed') {
        complain(io, `The account was not signed in: ${safeLine(String(event.data.reason))}`);
        return EXIT.refused;
      }
    }
    complain(io, 'Nobody signed in in time.');
    return EXIT.refused;
  } finally {
    clearTimeout(limit);
  }
}
