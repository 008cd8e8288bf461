// What a program said on stderr, as it is kept: its end, without the secrets that it was given.

const SHORTEST_SECRET_CHARS = 6; // shorter values are words such as `1` or `true`: striking them would strike half a log
const STRUCK = '[secret]';

/** So many octets more than are kept must be read, so that no secret is cut in two before it is struck out. */
export const spareFor = (secrets: readonly string[]): number =>
  Math.max(0, ...secrets.map((secret) => Buffer.byteLength(secret)));

/** @param kept octets @returns null where nothing was said */
export function logOf(errors: Buffer, secrets: readonly string[], kept: number): string | null {
  if (errors.length === 0) return null;
  const text = withoutSecrets(errors.toString('utf8'), secrets);
  const bytes = Buffer.from(text);
  return bytes.length <= kept ? text : bytes.subarray(-kept).toString('utf8');
}

export function withoutSecrets(text: string, secrets: readonly string[]): string {
  const longestFirst = [...secrets].sort((a, b) => b.length - a.length); // one may be the beginning of another
  return longestFirst.reduce(
    (rest, secret) => (secret.length < SHORTEST_SECRET_CHARS ? rest : rest.replaceAll(secret, STRUCK)),
    text,
  );
}
