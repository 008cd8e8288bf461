// Comparisons as they are written in rules: `<10MB`, `>=2`.

const UNIT: Readonly<Record<string, number>> = { b: 1, kb: 1024, mb: 1024 ** 2, gb: 1024 ** 3 };
const COMPARISON = /^\s*(<=|>=|<|>|=)?\s*(\d+(?:\.\d+)?)\s*(b|kb|mb|gb)?\s*$/i;

/** Octets of a size such as `1MB`, of 1,024 for a kB. */
export function octetsOf(text: string): number {
  const [, digits, unit] = /^\s*(\d+(?:\.\d+)?)\s*(b|kb|mb|gb)\s*$/i.exec(text) ?? [];
  if (digits === undefined) throw new Error(`a size that the language does not have: ${text}`);
  return Math.floor(Number(digits) * (UNIT[unit?.toLowerCase() ?? 'b'] ?? 1));
}

/**
 * A test of a number: octets where there is a unit, of 1,024 for a kB. Without an operator the number itself
 * is meant.
 */
export function comparison(source: string | number): (value: number) => boolean {
  if (typeof source === 'number') return (value) => value === source;
  const [, operator, digits, unit] = COMPARISON.exec(source) ?? [];
  if (digits === undefined) throw new Error(`a comparison that the language does not have: ${source}`);
  const limit = Number(digits) * (UNIT[unit?.toLowerCase() ?? 'b'] ?? 1);
  switch (operator) {
    case '<':
      return (value) => value < limit;
    case '<=':
      return (value) => value <= limit;
    case '>':
      return (value) => value > limit;
    case '>=':
      return (value) => value >= limit;
    default:
      return (value) => value === limit;
  }
}
