// Words for endpoints outside, as rules name them: times, sizes, and secrets by reference.
import { z } from 'zod';

/** `250ms`, `30s`, `5m`, `1h` or `7d`. */
export const duration = z.string().regex(/^\d{1,9}(ms|s|m|h|d)$/, 'write a duration such as 30s, 5m or 1h');

/** So many octets: `1MB`. A kB has 1,024. */
export const byteCount = z
  .string()
  .regex(/^\s*\d{1,12}(\.\d{1,3})?\s*(B|kB|KB|MB|GB)\s*$/, 'write a size such as 1MB');

/** A secret by reference: its value stands in no file of rules, and is read when it is needed. */
export const secretRef = z.string().regex(/^(env|file):.+$/, 'write env:NAME or file:/path');

const MOST_SECRETS = 5; // two are needed to change one for another; each costs a signature

/** Of a Standard Webhooks secret (`whsec_…`); of several while one is changed for another: each signs, in this order. */
export const signingSecret = z.union([secretRef, z.array(secretRef).min(1).max(MOST_SECRETS)]);

/** Postern sets these itself, or Node does. */
const OWN_HEADERS =
  /^(host|connection|content-(type|length)|transfer-encoding|expect|webhook-.*|postern-.*|idempotency-key)$/i;

/** Further request headers, such as `Authorization`, each with its value by reference. */
export const requestHeaders = z.record(
  z
    .string()
    .regex(
      /^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}$/,
      'a header name has letters, digits and hyphens, and no colon',
    )
    .refine((name) => !OWN_HEADERS.test(name), 'Postern sets this header itself'),
  secretRef,
);
