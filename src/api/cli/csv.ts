// Rows as CSV (RFC 4180): quoted where needed, lines that end in CRLF. A subject such as `=HYPERLINK(…)` would be a
// formula in a spreadsheet, so a text that begins like one gets an apostrophe in front, unless it must be exact.

const NEEDS_QUOTES = /[",\r\n]|^\s|\s$/;
/** What Excel, Calc and Sheets take for the beginning of a formula, also behind white space (OWASP, CSV injection). */
const FORMULA = /^[\s\uFEFF]*[=+\-@\uFF1D\uFF0B\uFF0D\uFF20\t\r]/;

export function csv(
  columns: readonly string[],
  rows: readonly (readonly (string | number | null)[])[],
  isExact = false,
): string {
  const cell = (value: string | number | null): string => {
    if (typeof value !== 'string') return value === null ? '' : String(value);
    const safe = !isExact && FORMULA.test(value) ? `'${value}` : value;
    return NEEDS_QUOTES.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
  };
  return [columns, ...rows].map((row) => `${row.map(cell).join(',')}\r\n`).join('');
}
