// What an S3 server refuses, in words that an operator can act on. The server's own sentences are left out: they tell
// keys, and each server has others.
import { notFound, PosternError } from '../kernel/errors.ts';
import { explainNetworkError } from '../kernel/network-errors.ts';

export interface S3Place {
  host: string;
  port: number;
  bucket: string;
}

interface Refusal {
  code: string;
  says: (place: S3Place) => string;
  hint: string;
  later?: true;
}

const refusedKey: Refusal = {
  code: 's3_key_refused',
  says: () => 'does not accept the key',
  hint: 'Check POSTERN_S3_ACCESS_KEY and POSTERN_S3_SECRET_KEY, and that the key belongs to this server.',
};
const forbidden: Refusal = {
  code: 's3_forbidden',
  says: ({ bucket }) => `does not let the key use the bucket ${bucket}`,
  hint: 'The key needs to list the bucket, and to read, write and remove its objects.',
};
const otherRegion: Refusal = {
  code: 's3_region_other',
  says: ({ bucket }) => `says that the bucket ${bucket} lies elsewhere`,
  hint: 'Set POSTERN_S3_REGION, and POSTERN_S3_URL to the address of that region.',
};
const full: Refusal = {
  code: 's3_full',
  says: () => 'has no room left',
  hint: 'Raise its quota, or remove what is not needed.',
  later: true,
};

/** By the codes of the S3 API. */
const REFUSALS = new Map<string, Refusal>([
  [
    'NoSuchBucket',
    {
      code: 's3_bucket_missing',
      says: ({ bucket }) => `has no bucket ${bucket}`,
      hint: 'Make the bucket, or set POSTERN_S3_BUCKET to one that there is.',
    },
  ],
  ['InvalidAccessKeyId', refusedKey],
  ['SignatureDoesNotMatch', refusedKey],
  ['InvalidToken', refusedKey],
  ['AccessDenied', forbidden],
  ['AllAccessDisabled', forbidden],
  [
    'RequestTimeTooSkewed',
    {
      code: 's3_clock_differs',
      says: () => 'has a clock that differs too much from the one here',
      hint: 'Set both clocks, by NTP for one.',
    },
  ],
  ['AuthorizationHeaderMalformed', otherRegion],
  ['PermanentRedirect', otherRegion],
  ['MovedPermanently', otherRegion],
  ['TemporaryRedirect', otherRegion],
  ['QuotaExceeded', full],
  ['XMinioStorageFull', full],
]);

/** What the library throws for an answer that another try may change: it keeps the status in its sentence alone. */
const PASSING = /Retryable HTTP status: (\d{3})/;

export function s3Error(error: unknown, place: S3Place, key?: string): PosternError {
  if (error instanceof PosternError) return error;
  const code = (error as { code?: unknown }).code;
  if (key !== undefined && (code === 'NoSuchKey' || code === 'NotFound'))
    return notFound('stored object', key);
  const server = `The S3 server ${place.host}:${place.port}`;
  const refusal = typeof code === 'string' ? REFUSALS.get(code) : undefined;
  const details = { host: place.host, port: place.port, bucket: place.bucket };
  if (refusal)
    return new PosternError(refusal.code, `${server} ${refusal.says(place)}.`, {
      retry: refusal.later ? 'later' : 'never',
      hint: refusal.hint,
      details: { ...details, cause: code },
    });
  const network = explainNetworkError(error, { protocol: 'S3', ...place });
  if (network) return network;
  const status = PASSING.exec(error instanceof Error ? error.message : '')?.[1];
  const said =
    typeof code === 'string' && /^\w{1,64}$/.test(code) ? code : (status ?? 'an answer that is none');
  return new PosternError('s3_failed', `${server} answered with ${said}.`, {
    retry: 'later',
    hint: 'Look into its log; if it speaks no S3, check POSTERN_S3_URL.',
    details: { ...details, cause: said },
    cause: error,
  });
}

/** Whether the same request may go better in a moment. */
export function isPassing(error: unknown, place: S3Place): boolean {
  const { code } = s3Error(error, place);
  return ['s3_failed', 'connection_lost', 'connection_refused', 'timeout', 'unreachable', 'dns'].includes(
    code,
  );
}
