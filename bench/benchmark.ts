// What a benchmark is: it measures Postern beside a named baseline in the same run, and gives lines for the table.

export interface BenchmarkOptions {
  /** Less mail and fewer runs: shows that everything works and roughly where it stands. */
  quick: boolean;
  /** Tells of progress; on stderr, so that stdout holds the table alone. */
  say(text: string): void;
}

export interface Benchmark {
  name: string;
  /** At least one line; their names begin with the benchmark's. */
  run(options: BenchmarkOptions): Promise<Line[]>;
}

/** One comparison: one row of the table, one entry of the JSON. */
export interface Line {
  name: string;
  /** What the baseline is, in words. */
  against: string;
  unit: 'mails/s' | 'ms' | 'µs' | 's' | 'kB' | 'MB';
  /** Medians over the runs. */
  ours: number;
  baseline: number | null;
  /** Each run's own figure, in the order of the runs, so that the spread can be seen. */
  runs: { ours: number[]; baseline: number[] };
  budget: Budget;
  /** For `difference` budgets: that figure. */
  difference?: number;
}

/**
 * `ratio`: ours / baseline, at least `value`. `most`: the same, at most `value`. `difference`: ours - baseline in the line's unit, at most `value`.
 * `value`: ours itself in the line's unit, at most `value`. `none`: only told, and held against nothing.
 */
export interface Budget {
  of: 'ratio' | 'most' | 'difference' | 'value' | 'none';
  value: number;
}

export const ratioOf = ({ ours, baseline }: Line): number | null =>
  baseline === null ? null : ours / baseline;

export function holds(line: Line): boolean {
  const { of, value } = line.budget;
  if (of === 'ratio') return (ratioOf(line) ?? 0) >= value;
  if (of === 'most') return (ratioOf(line) ?? Number.POSITIVE_INFINITY) <= value;
  if (of === 'difference') return (line.difference ?? Number.POSITIVE_INFINITY) <= value;
  return of === 'none' || line.ours <= value;
}
