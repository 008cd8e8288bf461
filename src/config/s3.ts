// The settings of the S3 server that large objects may lie in.
import { z } from 'zod';

export interface S3Config {
  readonly url: string;
  /** By which browsers reach it; null: by `url`. */
  readonly publicUrl: string | null;
  readonly bucket: string;
  readonly accessKey: string;
  readonly secretKey: string;
  readonly region: string;
  readonly addressing: 'path' | 'host';
  /** PEM. */
  readonly ca: string | null;
  /** Whether downloads go to the server itself, or through the gateway. */
  readonly downloads: 'redirect' | 'stream';
}

const serverUrl = z
  .url({ protocol: /^https?$/, error: 'write a URL such as https://s3.example.org' })
  .refine(isServer, 'write scheme, host and port alone: the keys and the bucket have settings of their own')
  .transform((url) => url.replace(/\/+$/, ''));

/** Nothing besides scheme, host and port: a key in a URL ends up in logs. */
function isServer(text: string): boolean {
  if (!URL.canParse(text)) return true; // said by the check before
  const { pathname, search, hash, username, password } = new URL(text);
  return pathname === '/' && search + hash + username + password === '';
}

export const s3Variables = {
  POSTERN_S3_URL: serverUrl.optional(),
  POSTERN_S3_PUBLIC_URL: serverUrl.optional(),
  POSTERN_S3_BUCKET: z
    .string()
    .regex(
      /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/,
      'write the name of a bucket: 3 to 63 small letters, digits and hyphens',
    )
    .optional(),
  POSTERN_S3_ACCESS_KEY: z.string().trim().min(1).max(256).optional(),
  POSTERN_S3_SECRET_KEY: z.string().trim().min(1).max(1024).optional(),
  POSTERN_S3_REGION: z
    .string()
    .regex(/^[A-Za-z0-9-]{1,63}$/, 'write a region such as eu-central-1')
    .default('us-east-1'),
  POSTERN_S3_ADDRESSING: z.enum(['path', 'host'], { error: 'name path or host' }).default('path'),
  POSTERN_S3_CA: z
    .string()
    .trim()
    .startsWith('-----BEGIN CERTIFICATE-----', 'give a certificate in PEM')
    .optional(),
  POSTERN_S3_DOWNLOADS: z
    .enum(['redirect', 'stream'], { error: 'name redirect or stream' })
    .default('redirect'),
};

const NEEDED = ['POSTERN_S3_BUCKET', 'POSTERN_S3_ACCESS_KEY', 'POSTERN_S3_SECRET_KEY'] as const;

/** A store that is set up by half would be a folder that nobody expects. */
export function s3Problems(given: Readonly<Record<string, string>>): string[] {
  if (given.POSTERN_S3_URL !== undefined)
    return NEEDED.filter((name) => given[name] === undefined).map(
      (name) => `${name}: POSTERN_S3_URL needs it`,
    );
  return Object.keys(given)
    .filter((name) => name.startsWith('POSTERN_S3_') && !name.endsWith('_FILE'))
    .map((name) => `${name}: goes with POSTERN_S3_URL, the address of the server`);
}

const variables = z.object(s3Variables);

export function s3Of(found: z.output<typeof variables>): S3Config | null {
  const { POSTERN_S3_URL: url, POSTERN_S3_BUCKET: bucket } = found;
  const { POSTERN_S3_ACCESS_KEY: accessKey, POSTERN_S3_SECRET_KEY: secretKey } = found;
  if (url === undefined || bucket === undefined || accessKey === undefined || secretKey === undefined)
    return null;
  return Object.freeze({
    ...{ url, bucket, accessKey, secretKey },
    publicUrl: found.POSTERN_S3_PUBLIC_URL ?? null,
    region: found.POSTERN_S3_REGION,
    addressing: found.POSTERN_S3_ADDRESSING,
    ca: found.POSTERN_S3_CA ?? null,
    downloads: found.POSTERN_S3_DOWNLOADS,
  });
}
