// DKIM keys: made, or read from what a person brings, and the record that publishes one (RFC 6376 §3.6.1, RFC 8463).
import { createPrivateKey, createPublicKey, generateKeyPair, type KeyObject } from 'node:crypto';
import { promisify } from 'node:util';
import type { DkimAlgorithm, DnsRecord } from '../contracts/domain.ts';
import { PosternError } from '../kernel/errors.ts';
import { txtRecord } from './dns-record.ts';

const RSA_BITS = 2048; // RFC 8301 §3.2; the record of a longer one does not fit into one UDP answer
const MIN_RSA_BITS = 1024; // RFC 8301 §3.2: verifiers refuse shorter ones
const MAX_RSA_BITS = 4096; // verifiers need not know longer ones
const ED25519_BITS = 256;
const ED25519_KEY_BYTES = 32; // the last ones of its DER form

const generate = promisify(generateKeyPair);

export interface DkimKey {
  algorithm: DkimAlgorithm;
  bits: number;
  /** As `p=` publishes it. */
  publicKey: string;
  /** PKCS #8 in base64, on one line: what the vault keeps. */
  secret: string;
}

export async function makeKey(algorithm: DkimAlgorithm): Promise<DkimKey> {
  const { privateKey } = await (algorithm === 'rsa'
    ? generate('rsa', { modulusLength: RSA_BITS })
    : generate('ed25519', {}));
  return dkimKey(privateKey);
}

/** @param pem PKCS #8 or PKCS #1, without a passphrase. @throws PosternError `dkim_key_invalid` */
export function readKey(pem: string): DkimKey {
  let key: KeyObject;
  try {
    key = createPrivateKey({ key: pem, format: 'pem' });
  } catch {
    throw invalid('This is not a private key in PEM without a passphrase.'); // what the library says may quote it
  }
  return dkimKey(key);
}

/** The private key that the vault has kept. */
export const keyOf = (secret: string): KeyObject =>
  createPrivateKey({ key: Buffer.from(secret, 'base64'), format: 'der', type: 'pkcs8' });

function dkimKey(privateKey: KeyObject): DkimKey {
  const type = privateKey.asymmetricKeyType;
  const spki = createPublicKey(privateKey).export({ type: 'spki', format: 'der' });
  const secret = privateKey.export({ type: 'pkcs8', format: 'der' }).toString('base64');
  if (type === 'ed25519') {
    const publicKey = spki.subarray(-ED25519_KEY_BYTES).toString('base64');
    return { algorithm: 'ed25519', bits: ED25519_BITS, publicKey, secret };
  }
  if (type !== 'rsa') throw invalid('A DKIM key is an RSA key or an Ed25519 key.');
  const bits = privateKey.asymmetricKeyDetails?.modulusLength ?? 0;
  if (bits < MIN_RSA_BITS || bits > MAX_RSA_BITS)
    throw invalid(`The RSA key has ${bits} bits; it needs ${MIN_RSA_BITS} to ${MAX_RSA_BITS}.`);
  return { algorithm: 'rsa', bits, publicKey: spki.toString('base64'), secret };
}

export const keyName = (selector: string, domain: string): string => `${selector}._domainkey.${domain}`;

export const keyRecord = (
  domain: string,
  { selector, algorithm, public_key: key }: { selector: string; algorithm: string; public_key: string },
): DnsRecord => txtRecord(keyName(selector, domain), `v=DKIM1; k=${algorithm}; p=${key}`);

const invalid = (message: string): PosternError =>
  new PosternError('dkim_key_invalid', message, {
    hint: 'Bring it as PEM (BEGIN PRIVATE KEY or BEGIN RSA PRIVATE KEY), or leave it out and one is made.',
  });
