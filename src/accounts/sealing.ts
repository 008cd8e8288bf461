// Authenticated encryption of small texts: AES-256-GCM with a random nonce. What a ciphertext is for is its associated
// data, so that it opens in its own place only.
import { createCipheriv, createDecipheriv, createSecretKey, randomBytes } from 'node:crypto';
import { PosternError } from '../kernel/errors.ts';

export const KEY_BYTES = 32;
const NONCE_BYTES = 12; // GCM's own size (NIST SP 800-38D)
const TAG_BYTES = 16;
/** `v1.nonce.ciphertext.tag`, in base64url of exact length: Node's own decoder would pass over what it does not know. */
const SEALED = /^v1\.([A-Za-z0-9_-]{16})\.([A-Za-z0-9_-]*)\.([A-Za-z0-9_-]{22})$/;

// A buffer as the key costs four times what a key object costs.
export function seal(key: Buffer, plain: Buffer, place: string): string {
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv('aes-256-gcm', createSecretKey(key), nonce, { authTagLength: TAG_BYTES });
  cipher.setAAD(Buffer.from(place, 'utf8'));
  const sealed = Buffer.concat([cipher.update(plain), cipher.final()]);
  return ['v1', ...[nonce, sealed, cipher.getAuthTag()].map((part) => part.toString('base64url'))].join('.');
}

/** @throws PosternError `secret_unreadable` */
export function open(key: Buffer, text: string, place: string): Buffer {
  const parts = SEALED.exec(text);
  if (!parts) throw unreadable('A stored secret does not have the form of a ciphertext.');
  const [nonce, sealed, tag] = parts.slice(1).map((part) => Buffer.from(part, 'base64url')) as [
    Buffer,
    Buffer,
    Buffer,
  ];
  try {
    const decipher = createDecipheriv('aes-256-gcm', createSecretKey(key), nonce, {
      authTagLength: TAG_BYTES,
    });
    decipher.setAAD(Buffer.from(place, 'utf8'));
    decipher.setAuthTag(tag);
    return Buffer.concat([decipher.update(sealed), decipher.final()]);
  } catch (error) {
    throw unreadable(
      'A stored secret does not decrypt: it was sealed with another key, for another account, or is damaged.',
      error,
    );
  }
}

export const unreadable = (message: string, cause?: unknown): PosternError =>
  new PosternError('secret_unreadable', message, {
    hint: 'Start with the master key that was in use, or enter the password of the account again.',
    cause,
  });
