// Mails signed by dkimpy, which is not what they are checked with; and the keys and their records.
import { spawn } from 'node:child_process';
import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { fileURLToPath } from 'node:url';

const PYTHON = '/usr/bin/python3'; // Debian's own: python3-dkim is not there for any other
const SIGNER = fileURLToPath(new URL('./sign-mail.py', import.meta.url));

export interface SigningJob {
  raw: string | Buffer;
  domain: string;
  selector: string;
  key: SigningKey;
  algorithm?: 'rsa-sha256' | 'rsa-sha1' | 'ed25519-sha256';
  canon?: `${'relaxed' | 'simple'}/${'relaxed' | 'simple'}`;
  /** The header names to cover; by default those that RFC 6376 recommends. */
  headers?: string[];
  identity?: string;
  /** Writes l=. */
  length?: boolean;
  /** Tags to put in, or in place of those that the signer writes. */
  tags?: Record<string, string>;
  /** Seals by ARC in place of signing, in the name of this authserv-id. */
  arc?: string;
}

export interface SigningKey {
  /** As dkimpy takes it. */
  secret: string;
  /** The TXT record that publishes it. */
  record: string;
}

export function rsaKey(bits = 2048): SigningKey {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: bits });
  return {
    secret: privateKey.export({ type: 'pkcs1', format: 'pem' }).toString(),
    record: `v=DKIM1; k=rsa; p=${spki(publicKey)}`,
  };
}

export function ed25519Key(): SigningKey {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const bare = (key: KeyObject, type: 'pkcs8' | 'spki'): string =>
    (key.export({ type: type as 'spki', format: 'der' }) as Buffer).subarray(-32).toString('base64');
  return { secret: bare(privateKey, 'pkcs8'), record: `v=DKIM1; k=ed25519; p=${bare(publicKey, 'spki')}` };
}

const spki = (key: KeyObject): string => key.export({ type: 'spki', format: 'der' }).toString('base64');

/** The signed mails, in order. All at once: the signer takes a moment to start. */
export async function signMails(jobs: readonly SigningJob[]): Promise<Buffer[]> {
  const child = spawn(PYTHON, [SIGNER], { stdio: ['pipe', 'pipe', 'inherit'] });
  const output: Buffer[] = [];
  child.stdout.on('data', (bytes: Buffer) => output.push(bytes));
  const ended = new Promise<number | null>((resolve, reject) => {
    child.on('close', resolve).on('error', reject);
  });
  child.stdin.end(
    JSON.stringify(
      jobs.map(({ raw, key, ...job }) => ({
        ...job,
        raw: Buffer.from(raw).toString('base64'),
        key: key.secret,
      })),
    ),
  );
  const code = await ended;
  if (code !== 0) throw new Error(`the signer ended with ${code}`);
  return (JSON.parse(Buffer.concat(output).toString()) as string[]).map((text) =>
    Buffer.from(text, 'base64'),
  );
}
