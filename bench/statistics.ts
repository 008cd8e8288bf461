// The few figures that sum up many.

/** @throws Error for an empty list */
export const median = (values: readonly number[]): number => {
  const sorted = ascending(values);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] as number;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] as number) + upper) / 2;
};

/** The smallest value that at least `share` (0 to 1) of all values do not pass: the nearest rank, nothing in between. */
export const percentile = (values: readonly number[], share: number): number => {
  const sorted = ascending(values);
  return sorted[Math.max(Math.ceil(share * sorted.length) - 1, 0)] as number;
};

function ascending(values: readonly number[]): number[] {
  if (values.length === 0) throw new Error('there is nothing to sum up');
  return [...values].sort((a, b) => a - b);
}
