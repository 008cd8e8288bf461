// Durations as people write them: `250ms`, `30s`, `5m`, `1h`, `7d`; and rates: `5/1h`.

const UNITS = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/** Milliseconds; NaN for a text that is no duration (the contracts refuse those at the door). */
export function durationMs(text: string): number {
  const [, count, unit] = /^(\d+)(ms|s|m|h|d)$/.exec(text) ?? [];
  return unit === undefined ? Number.NaN : Number(count) * UNITS[unit as keyof typeof UNITS];
}

/** `5/1h` as five in 3,600,000 ms. */
export function rateOf(text: string): { count: number; perMs: number } {
  const [count, per] = text.split('/');
  return { count: Number(count), perMs: durationMs(per ?? '') };
}
