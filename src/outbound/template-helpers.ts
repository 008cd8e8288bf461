// What templates can say of a value: dates, numbers, plurals and lists in the language of the mail, and comparisons. Pure:
// the language, the time zone and the time are handed in.

/** What one rendering goes by. */
export interface Frame {
  /** How numbers and dates are written: a BCP 47 tag. */
  locale: string;
  timezone: string;
  /** Epoch milliseconds. */
  now: number;
}

type Hash = Readonly<Record<string, unknown>>;
/** @throws Error that says what is wrong, to stand behind the helper's name */
export type Helper = (values: readonly unknown[], hash: Hash, frame: Frame) => unknown;

const MAX_ITEMS = 1_000; // of a list
const MAX_FORMATS = 500; // kept; a gateway has a few languages, and a caller may name any
const SECOND_MS = 1_000;

export const helpers: Readonly<Record<string, Helper>> = {
  eq: ([a, b]) => same(a, b),
  ne: ([a, b]) => !same(a, b),
  lt: ([a, b]) => compared(a, b) < 0,
  lte: ([a, b]) => compared(a, b) <= 0,
  gt: ([a, b]) => compared(a, b) > 0,
  gte: ([a, b]) => compared(a, b) >= 0,
  and: (values) => values.every(isTrue),
  or: (values) => values.some(isTrue),
  not: ([value]) => !isTrue(value),
  is_number: ([value]) => typeof value === 'number',
  default: ([value, otherwise]) =>
    value === undefined || value === null || value === '' ? otherwise : value,

  date: ([value, style = 'medium'], hash, frame) =>
    dated(value, { dateStyle: styleIn(style) }, zoneIn(hash, frame), frame),
  time: ([value, style = 'short'], hash, frame) =>
    dated(value, { timeStyle: styleIn(style) }, zoneIn(hash, frame), frame),
  datetime: ([value, style = 'medium'], hash, frame) =>
    dated(value, { dateStyle: styleIn(style), timeStyle: 'short' }, zoneIn(hash, frame), frame),
  relative: ([value], _hash, frame) => relative(instantOf(value).getTime() - frame.now, frame.locale),

  number: ([value], { digits }, { locale }) => numbers(locale, digitsIn(digits)).format(numberOf(value)),
  percent: ([value], { digits }, { locale }) =>
    numbers(locale, { style: 'percent', ...digitsIn(digits) }).format(numberOf(value)),
  currency: ([value, code], { digits }, { locale }) => {
    if (typeof code !== 'string' || !/^[A-Za-z]{3}$/.test(code))
      throw new Error('wants a currency after the amount, such as "CHF"');
    return numbers(locale, { style: 'currency', currency: code, ...digitsIn(digits) }).format(
      numberOf(value),
    );
  },
  bytes: ([value], _hash, { locale }) => bytes(numberOf(value), locale),
  plural: ([value], hash, { locale }) => plural(numberOf(value), hash, locale),
  /** Of the items, of a field of each, or of the product of several: `sum positions "quantity" "price"`. */
  sum: ([items, ...keys]) =>
    rounded(arrayOf(items).reduce((total: number, item) => total + productOf(item, keys), 0)),
  add: (values) => rounded(values.reduce((total: number, value) => total + numberOf(value), 0)),
  round: ([value, digits = 0]) => roundedTo(numberOf(value), digitsIn(digits).maximumFractionDigits ?? 0),
  times: (values) => rounded(values.reduce((product: number, value) => product * numberOf(value), 1)),

  list: ([items, kind = 'and'], { key }, { locale }) => {
    const type = { and: 'conjunction', or: 'disjunction', unit: 'unit' }[String(kind)];
    if (!type) throw new Error('knows the kinds "and", "or" and "unit"');
    const words = arrayOf(items).map((item) => textOf(key === undefined ? item : fieldOf(item, key)));
    return lists(locale, type as Intl.ListFormatType).format(words);
  },
  concat: (values) => values.map(textOf).join(''),
  /** As a mail quotes another one, in text. */
  quote: ([value]) =>
    textOf(value)
      .trim()
      .split(/\r\n?|\n/)
      .map((line) => `> ${line}`.trimEnd())
      .join('\n'),
  truncate: ([value, length]) => truncated(textOf(value), numberOf(length)),
  link: ([value]) => {
    const href = textOf(value).trim();
    // Whoever fills in `javascript:` or `data:` would have a mail program, or the console, run it.
    if (!/^(https?:\/\/|mailto:|tel:)\S+$/i.test(href))
      throw new Error('wants an address that begins with https:, http:, mailto: or tel:');
    return href;
  },
};

/** As `{{#if}}` sees it: an empty list, 0 and '' are nothing. */
export const isTrue = (value: unknown): boolean =>
  Array.isArray(value) ? value.length > 0 : value !== false && Boolean(value);

const isNumber = (value: unknown): boolean =>
  typeof value === 'number' || (typeof value === 'string' && /^-?\d+(\.\d+)?$/.test(value));

const same = (a: unknown, b: unknown): boolean =>
  a === b || (isNumber(a) && isNumber(b) && Number(a) === Number(b));

function compared(a: unknown, b: unknown): number {
  if (isNumber(a) && isNumber(b)) return Number(a) - Number(b);
  if (typeof a === 'string' && typeof b === 'string') return a < b ? -1 : a > b ? 1 : 0;
  throw new Error(`compares two numbers or two texts, and was given ${shown(a)} and ${shown(b)}`);
}

function numberOf(value: unknown): number {
  if (isNumber(value) && Number.isFinite(Number(value))) return Number(value);
  throw new Error(`wants a number, and was given ${shown(value)}`);
}

function textOf(value: unknown): string {
  if (typeof value === 'string') return value;
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  throw new Error(`wants a text, and was given ${shown(value)}`);
}

function arrayOf(value: unknown): readonly unknown[] {
  if (!Array.isArray(value)) throw new Error(`wants a list, and was given ${shown(value)}`);
  if (value.length > MAX_ITEMS) throw new Error(`takes no list of more than ${MAX_ITEMS}`);
  return value;
}

function fieldOf(item: unknown, key: unknown): unknown {
  if (key === undefined) return item;
  if (typeof item !== 'object' || item === null || !Object.hasOwn(item, String(key)))
    throw new Error(`finds no field ${shown(key)} in an item of the list`);
  return (item as Record<string, unknown>)[String(key)];
}

const productOf = (item: unknown, keys: readonly unknown[]): number =>
  keys.length === 0
    ? numberOf(item)
    : keys.reduce((product: number, key) => product * numberOf(fieldOf(item, key)), 1);

/** What came, in few words. */
export function shown(value: unknown): string {
  if (value === undefined || value === null) return 'nothing';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'an object';
  return typeof value === 'string' ? `the text ${JSON.stringify(value.slice(0, 40))}` : `${String(value)}`;
}

/** Half up, as people round amounts: 1.005 is 1.01, although its binary form is a little less. */
function roundedTo(value: number, digits: number): number {
  const shifted = Number(`${Math.abs(value)}e${digits}`);
  const whole = Number(`${Math.round(shifted)}e-${digits}`);
  return Number.isNaN(whole) ? value : Math.sign(value) * whole; // very large numbers have no digits to lose
}

/** Sums of amounts: 0.1 + 0.2 is 0.3. */
const rounded = (value: number): number => Number(value.toPrecision(15));

/** Epoch milliseconds, or ISO 8601 with its offset. A date alone is that day everywhere. */
function instantOf(value: unknown): Date {
  const isText =
    typeof value === 'string' &&
    /^\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d))?$/i.test(value);
  const date = typeof value === 'number' || isText ? new Date(value as string | number) : null;
  if (date && !Number.isNaN(date.getTime())) return date;
  throw new Error(
    `wants epoch milliseconds or a date such as "2026-11-20T15:00:00Z", and was given ${shown(value)}`,
  );
}

const STYLES = ['full', 'long', 'medium', 'short'] as const;
function styleIn(style: unknown): (typeof STYLES)[number] {
  const known = STYLES.find((one) => one === style);
  if (!known) throw new Error(`knows the styles ${STYLES.map((one) => `"${one}"`).join(', ')}`);
  return known;
}

function zoneIn({ zone }: Hash, { timezone }: Frame): string {
  if (zone === undefined) return timezone;
  if (typeof zone === 'string' && isTimezone(zone)) return zone;
  throw new Error(`knows no time zone ${shown(zone)}`);
}

const zones = new Map<string, boolean>(); // asking costs a millisecond, and is asked with each mail of a broadcast
const MOST_ZONES = 500;

export function isTimezone(zone: string): boolean {
  const known = zones.get(zone);
  if (known !== undefined) return known;
  if (zones.size >= MOST_ZONES) zones.clear();
  const isOne = hasFormat(zone);
  zones.set(zone, isOne);
  return isOne;
}

function hasFormat(zone: string): boolean {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: zone }) !== undefined;
  } catch {
    return false;
  }
}

function dated(value: unknown, options: Intl.DateTimeFormatOptions, zone: string, { locale }: Frame): string {
  const isDay = typeof value === 'string' && value.length === '2026-11-20'.length;
  const timeZone = isDay ? 'UTC' : zone;
  const key = ['date', locale, timeZone, options.dateStyle, options.timeStyle].join();
  const format = kept(key, () => new Intl.DateTimeFormat(locale, { ...options, timeZone }));
  return format.format(instantOf(value));
}

const UNITS: readonly [Intl.RelativeTimeFormatUnit, ms: number][] = [
  ['year', 365 * 24 * 3600 * SECOND_MS],
  ['month', 30 * 24 * 3600 * SECOND_MS],
  ['week', 7 * 24 * 3600 * SECOND_MS],
  ['day', 24 * 3600 * SECOND_MS],
  ['hour', 3600 * SECOND_MS],
  ['minute', 60 * SECOND_MS],
  ['second', SECOND_MS],
];

function relative(distanceMs: number, locale: string): string {
  const [unit, ms] = UNITS.find(([, size]) => Math.abs(distanceMs) >= size) ?? ['second', SECOND_MS];
  const format = kept(`relative,${locale}`, () => new Intl.RelativeTimeFormat(locale, { numeric: 'auto' }));
  return format.format(Math.round(distanceMs / ms), unit);
}

const MAX_DIGITS = 12;
function digitsIn(digits: unknown): Intl.NumberFormatOptions {
  if (digits === undefined) return {};
  if (typeof digits !== 'number' || !Number.isInteger(digits) || digits < 0 || digits > MAX_DIGITS)
    throw new Error(`wants from 0 to ${MAX_DIGITS} digits, as a number`);
  return { minimumFractionDigits: digits, maximumFractionDigits: digits };
}

const numbers = (locale: string, options: Intl.NumberFormatOptions): Intl.NumberFormat =>
  kept(`number,${locale},${JSON.stringify(options)}`, () => new Intl.NumberFormat(locale, options));
const lists = (locale: string, type: Intl.ListFormatType): Intl.ListFormat =>
  kept(`list,${locale},${type}`, () => new Intl.ListFormat(locale, { type }));

/** As mail programs count them: 1 kB is 1,000 bytes. */
function bytes(value: number, locale: string): string {
  const units = ['byte', 'kilobyte', 'megabyte', 'gigabyte', 'terabyte'];
  const power = Math.min(
    units.length - 1,
    Math.max(0, Math.floor(Math.log10(Math.max(1, Math.abs(value))) / 3)),
  );
  const unit = units[power] as string;
  const unitDisplay = power === 0 ? 'long' : 'short';
  const options = { style: 'unit', unit, unitDisplay, maximumFractionDigits: 1 } as const;
  return numbers(locale, options).format(value / 1000 ** power);
}

function plural(value: number, hash: Hash, locale: string): string {
  const rule = kept(`plural,${locale}`, () => new Intl.PluralRules(locale)).select(value);
  const words = (value === 0 && ownText(hash, 'zero')) || ownText(hash, rule) || ownText(hash, 'other');
  if (!words) throw new Error('wants at least other="…", where # stands for the number');
  const count = numbers(locale, {}).format(value);
  return words.replaceAll('#', () => count);
}

const ownText = (hash: Hash, key: string): string | undefined =>
  Object.hasOwn(hash, key) && typeof hash[key] === 'string' ? hash[key] : undefined;

const MAX_CUT_CHARS = 10_000;
function truncated(text: string, length: number): string {
  if (!Number.isInteger(length) || length < 1 || length > MAX_CUT_CHARS)
    throw new Error(`wants from 1 to ${MAX_CUT_CHARS} characters`);
  if (text.length <= length) return text;
  // A letter of several code points stays whole; what is looked at is bounded, whatever the text's length.
  const letters = kept('letters', () => new Intl.Segmenter('und'));
  let cut = '';
  let count = 0;
  for (const { segment } of letters.segment(text.slice(0, length * 8))) {
    if (count === length) return `${cut.trimEnd()}…`;
    cut += segment;
    count++;
  }
  return cut.length < text.length ? `${cut.trimEnd()}…` : cut;
}

/** Intl's objects cost much to make and little to keep. */
const formats = new Map<string, unknown>();
function kept<T>(key: string, make: () => T): T {
  const known = formats.get(key);
  if (known) return known as T;
  if (formats.size >= MAX_FORMATS) formats.clear();
  const made = make();
  formats.set(key, made);
  return made;
}
