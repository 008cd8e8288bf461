// Signing in to SMTP with an access token: OAUTHBEARER (RFC 7628) where the server offers it, else XOAUTH2.
import type { Credentials, OAuthCredentials } from '../accounts/accounts.ts';
import type { Where } from '../kernel/network-errors.ts';

const MECHANISMS = ['OAUTHBEARER', 'XOAUTH2'] as const;
export type BearerMechanism = (typeof MECHANISMS)[number];

/** The mechanism to use, of those in the lines of an answer to EHLO; null where the server takes no token. */
export function bearerMechanism(ehloLines: readonly string[]): BearerMechanism | null {
  const offered = new Set(
    ehloLines
      .filter((line) => /^AUTH[ =]/i.test(line))
      .flatMap((line) => line.toUpperCase().split(/[ =]+/).slice(1)),
  );
  return MECHANISMS.find((mechanism) => offered.has(mechanism)) ?? null;
}

/** The initial response, in base64. */
function bearerResponse(
  mechanism: BearerMechanism,
  { username, accessToken }: Pick<OAuthCredentials, 'username' | 'accessToken'>,
  { host, port }: Pick<Where, 'host' | 'port'>,
): string {
  const name = username.replaceAll('=', '=3D').replaceAll(',', '=2C'); // saslname of RFC 5801 §4
  const fields =
    mechanism === 'OAUTHBEARER'
      ? [`n,a=${name},`, `host=${host}`, `port=${port}`, `auth=Bearer ${accessToken}`]
      : [`user=${username}`, `auth=Bearer ${accessToken}`];
  return Buffer.from([...fields, '', ''].join('\x01')).toString('base64');
}

/** Every form in which a sign-in says its secret: what must be taken out of words that come back. */
export function signInSecrets(credentials: Credentials, where: Pick<Where, 'host' | 'port'>): string[] {
  if (credentials.type === 'basic')
    return [credentials.password, `\0${credentials.username}\0${credentials.password}`];
  return [credentials.accessToken, ...MECHANISMS.map((each) => bearerResponse(each, credentials, where))];
}

/** One command and its answer, as nodemailer hands them to a mechanism of one's own. */
type SendCommand = (command: string) => Promise<{ status: number; response: string }>;

/**
 * The exchange of either mechanism: a server that refuses first sends why, and its 535 once that was acknowledged.
 * @throws Error after an answer that is no welcome (nodemailer adds the answer), and without a common mechanism
 */
export async function signInByToken(
  credentials: Credentials,
  where: Pick<Where, 'host' | 'port'>,
  ehloLines: readonly string[],
  sendCommand: SendCommand,
): Promise<void> {
  const mechanism = bearerMechanism(ehloLines);
  if (credentials.type !== 'oauth2' || mechanism === null) throw new Error('no mechanism for a token');
  let answer = await sendCommand(`AUTH ${mechanism} ${bearerResponse(mechanism, credentials, where)}`);
  if (answer.status === 334) answer = await sendCommand(mechanism === 'OAUTHBEARER' ? 'AQ==' : '');
  if (answer.status < 200 || answer.status > 299) throw new Error('Invalid login');
}
