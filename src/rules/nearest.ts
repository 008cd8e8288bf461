// Which known word somebody may have meant.

const MAX_DISTANCE = 2; // two slips: more makes another word

/** ` did you mean …?` or the words there are, as the end of a sentence. */
export function mend(word: string, known: readonly string[]): string {
  let best = '';
  let bestDistance = Math.min(MAX_DISTANCE, Math.floor(word.length / 2)) + 1;
  for (const candidate of known) {
    const distance = Math.abs(candidate.length - word.length) > MAX_DISTANCE ? 9 : slips(word, candidate);
    if (distance < bestDistance) [best, bestDistance] = [candidate, distance];
  }
  if (best) return `; did you mean \`${best}\`?`;
  return known.length > 0 ? `; known here: ${known.slice(0, 30).join(', ')}` : '';
}

/**
 * The edits that turn one word into the other; two neighbours swapped count as one (optimal string
 * alignment).
 */
function slips(one: string, other: string): number {
  const rows: number[][] = [Array.from({ length: other.length + 1 }, (_, j) => j)];
  for (let i = 1; i <= one.length; i++) {
    const row = [i];
    const above = rows[i - 1] as number[];
    for (let j = 1; j <= other.length; j++) {
      const same = one[i - 1] === other[j - 1] ? 0 : 1;
      let least = Math.min(
        (above[j] as number) + 1,
        (row[j - 1] as number) + 1,
        (above[j - 1] as number) + same,
      );
      if (i > 1 && j > 1 && one[i - 1] === other[j - 2] && one[i - 2] === other[j - 1]) {
        least = Math.min(least, (rows[i - 2]?.[j - 2] as number) + 1);
      }
      row.push(least);
    }
    rows.push(row);
  }
  return rows[one.length]?.[other.length] ?? MAX_DISTANCE + 1;
}
