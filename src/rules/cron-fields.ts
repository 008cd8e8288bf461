// What is wrong with a cron expression, said where it is written. The schedule itself is made in digests/. Pure.

interface Field {
  name: string;
  from: number;
  to: number;
  names?: readonly string[];
  /** Words of its own, such as the last day of a month. */
  special?: RegExp;
}

const MONTHS = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];
const DAYS = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'];
const FIELDS: readonly Field[] = [
  { name: 'minute', from: 0, to: 59 },
  { name: 'hour', from: 0, to: 23 },
  {
    name: 'day of the month',
    from: 1,
    to: 31,
    special: /^(L|LW|L-([1-9]|[12]\d|30)|([1-9]|[12]\d|3[01])W)$/,
  },
  { name: 'month', from: 1, to: 12, names: MONTHS },
  { name: 'weekday', from: 0, to: 7, names: DAYS, special: /^[0-7](L|#[1-5])$/ },
];
/** The longest that months are. */
const LONGEST = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

/** A sentence without its beginning, or null. */
export function cronMistake(text: string): string | null {
  const written = text.trim().split(/\s+/);
  if (written.length !== FIELDS.length) {
    const seconds = written.length === 6 ? '; there are no seconds' : '';
    return `takes five fields (minute, hour, day of the month, month, weekday) such as "0 8 * * 1-5", and has ${written.length}${seconds}`;
  }
  for (const [i, field] of FIELDS.entries()) {
    for (const part of (written[i] as string).split(',')) {
      const wrong = partMistake(part, field);
      if (wrong) return `${wrong} in the field for the ${field.name}`;
    }
  }
  return neverComes(written[2] as string, written[3] as string) ? 'names a day that no such month has' : null;
}

function partMistake(part: string, field: Field): string | null {
  const shown = `\`${part.slice(0, 30)}\``;
  if (field.special?.test(part)) return null;
  const [range = '', step, ...more] = part.split('/');
  if (more.length > 0 || (step !== undefined && !/^[1-9]\d{0,2}$/.test(step)))
    return `${shown} has no whole step`;
  if (range === '*') return null;
  const ends = range.split('-').map((end) => numberOf(end, field));
  if (ends.length > 2 || ends.some((end) => end === null)) return `${shown} cannot be read`;
  if (step !== undefined && ends.length === 1) return `${shown} steps from one number: write a span or \`*\``;
  const [first = 0, last = first] = ends as number[];
  const { from, to } = field;
  if (first < from || last > to || first > to) return `${shown} is not between ${from} and ${to}`;
  return first > last ? `${shown} ends before it begins` : null;
}

function numberOf(text: string, { names, from }: Field): number | null {
  const place = names?.indexOf(text.toLowerCase()) ?? -1;
  if (place >= 0) return place + from;
  return /^\d{1,2}$/.test(text) ? Number(text) : null;
}

/** The 30th of February: whoever wrote it would wait for ever. */
function neverComes(days: string, months: string): boolean {
  const month = FIELDS[3] as Field;
  if (!/^\d+(,\d+)*$/.test(days) || !/^\w+(,\w+)*$/.test(months)) return false;
  const longest = Math.max(...months.split(',').map((one) => LONGEST[(numberOf(one, month) ?? 1) - 1] ?? 31));
  return days.split(',').every((day) => Number(day) > longest);
}
