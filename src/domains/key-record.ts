// What stands in the DNS under the name of a DKIM key, held against the key that it has to publish.
import { createPublicKey } from 'node:crypto';
import { tagList } from './tag-list.ts';

const MIN_RSA_BITS = 1024; // RFC 8301 §3.2
const SOUND_RSA_BITS = 2048;

export interface PublishedKey {
  /** Why nothing that it signs is believed; null where it is sound. */
  problem: string | null;
  /** Codes of what is not as it should be though signatures hold. */
  weaknesses: ('testing' | 'weak_key' | 'no_version')[];
}

/** @param texts the TXT records under the name of the key */
export function readPublished(
  texts: readonly string[],
  { algorithm, public_key: expected }: { algorithm: string; public_key: string },
): PublishedKey {
  const refuse = (problem: string): PublishedKey => ({ problem, weaknesses: [] });
  const keys = texts.filter((text) => /(?:^|;)\s*p\s*=/i.test(text));
  if (keys.length === 0) return refuse('there is no key in the record');
  if (keys.length > 1 || texts.length > 1)
    return refuse(`there are ${texts.length} TXT records under the name, and there may be one only`);
  const tags = tagList(keys[0] ?? '');
  if (!tags) return refuse('the record is not a list of tags');
  const [first] = tags.keys();
  if (tags.has('v') && (tags.get('v') !== 'DKIM1' || first !== 'v'))
    return refuse('the record has to begin with v=DKIM1');
  const published = (tags.get('p') ?? '').replace(/\s+/g, '');
  if (published === '') return refuse('the key is revoked: its p= is empty');
  const kind = (tags.get('k') ?? 'rsa').toLowerCase();
  if (kind !== algorithm)
    return refuse(`the record is of a key of type ${kind.slice(0, 20)}, and ours is ${algorithm}`);
  if (published !== expected) return refuse('another key is published than the one that signs');
  const hashes = tags.get('h');
  if (hashes !== undefined && !hashes.split(':').some((hash) => hash.trim() === 'sha256'))
    return refuse('the record does not allow sha256 (h=)');
  const services = (tags.get('s') ?? '*').split(':').map((service) => service.trim());
  if (!services.includes('*') && !services.includes('email')) return refuse('the key is not for mail (s=)');
  const bits = algorithm === 'rsa' ? bitsOf(published) : null;
  if (bits !== null && bits < MIN_RSA_BITS) return refuse(`the key has ${bits} bits, and nobody believes it`);
  const weaknesses: PublishedKey['weaknesses'] = [];
  if ((tags.get('t') ?? '').split(':').some((flag) => flag.trim() === 'y')) weaknesses.push('testing');
  if (bits !== null && bits < SOUND_RSA_BITS) weaknesses.push('weak_key');
  if (!tags.has('v')) weaknesses.push('no_version');
  return { problem: null, weaknesses };
}

/** Of an RSA key as published; 0 where it is none. */
function bitsOf(published: string): number {
  try {
    const key = createPublicKey({ key: Buffer.from(published, 'base64'), format: 'der', type: 'spki' });
    return key.asymmetricKeyDetails?.modulusLength ?? 0;
  } catch {
    return 0;
  }
}
