// Tables in text (RFC 4180, and what programs write instead): the separator is found, quotes are understood, and a row
// becomes a line with tabs between its cells.
const MAX_CELL_CHARS = 32_768; // as much as a spreadsheet takes
const MAX_ROW_CHARS = 64 * 1024;
const SEPARATORS = [',', ';', '\t', '|'];
const SAMPLE_LINES = 20;
const SAMPLE_CHARS = 64 * 1024;

export interface CsvRow {
  /** Counted from 1, as a spreadsheet counts them. */
  row: number;
  cells: string[];
}

/** The separator that the first lines agree on most, outside of quotes; a comma where none does. */
export function separatorOf(sample: string): string {
  const lines = sample.slice(0, SAMPLE_CHARS).split(/\r?\n/, SAMPLE_LINES);
  const rows = lines.filter((line) => line.trim() !== '').map((line) => line.replace(/"[^"]*"/g, ''));
  let best = ',';
  let bestScore = 0;
  for (const separator of SEPARATORS) {
    const counts = rows.map((line) => line.split(separator).length - 1);
    const usual = counts[0] ?? 0;
    const score = usual === 0 ? 0 : counts.filter((count) => count === usual).length * 100 + usual;
    if (score > bestScore) {
      best = separator;
      bestScore = score;
    }
  }
  return best;
}

/**
 * Rows as they come. Cells and rows past their bounds are cut, and `onCut` is told: a quote that is never closed would
 * make one cell of all that follows, so it ends at the bound of a row.
 */
export function* rowsOf(texts: Iterable<string>, separator: string, onCut: () => void): Generator<CsvRow> {
  let row = 0;
  let cells: string[] = [];
  let cell = '';
  let rowChars = 0;
  let isQuoted = false;
  let afterQuote = false; // a quote inside of quotes: its end, or the first half of a doubled one
  let afterReturn = false;
  const endRow = (): CsvRow => {
    cells.push(cell);
    const done = { row: ++row, cells };
    cells = [];
    cell = '';
    rowChars = 0;
    isQuoted = false;
    afterQuote = false;
    return done;
  };
  for (const text of texts) {
    for (let at = 0; at < text.length; at++) {
      const char = text[at] as string;
      if (afterReturn) {
        afterReturn = false;
        if (char === '\n') continue;
      }
      if (afterQuote) {
        afterQuote = false;
        if (char === '"') {
          cell += '"';
          continue;
        }
        isQuoted = false;
      }
      if (isQuoted && char === '"') afterQuote = true;
      else if (!isQuoted && char === '"' && cell === '') isQuoted = true;
      else if (!isQuoted && char === separator) {
        cells.push(cell);
        cell = '';
      } else if (!isQuoted && (char === '\n' || char === '\r')) {
        afterReturn = char === '\r';
        yield endRow();
        continue;
      } else if (cell.length < MAX_CELL_CHARS) cell += char;
      else onCut();
      if (++rowChars >= MAX_ROW_CHARS) {
        onCut();
        yield endRow();
      }
    }
  }
  if (cell !== '' || cells.length > 0) yield endRow();
}
