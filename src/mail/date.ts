// The Date header (RFC 5322 §3.3, with its obsolete forms). Not `Date.parse`: that reads a date without a zone in the
// zone of this machine, and takes words for dates.

const MONTHS = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];
const ZONE_HOURS: Record<string, number> = {
  EST: -5,
  EDT: -4,
  CST: -6,
  CDT: -5,
  MST: -7,
  MDT: -6,
  PST: -8,
  PDT: -7,
};
const MAX_CHARS = 200;
const EARLIEST = Date.UTC(1970, 0, 1);
const LATEST = Date.UTC(2200, 0, 1); // later is a broken clock or a trick to stay on top
const MINUTE_MS = 60_000;
const DAY_FIRST =
  /(\d{1,2})[ -]+([a-z]{3})[a-z]{0,6}\.?[ -]+(\d{2,4})[ ,]+(\d{1,2})[:.](\d{2})(?:[:.](\d{2}))?(?:\.\d+)? *([+-]\d{4}|[a-z]{1,5})?/i;
const ISO = /^(\d{4})-(\d{2})-(\d{2})[T ](\d{2}):(\d{2})(?::(\d{2}))?(?:\.\d+)? *(Z|[+-]\d{2}:?\d{2})?/;
const MONTH_FIRST =
  /^(?:[a-z]{3},? +)?([a-z]{3}) +(\d{1,2}) +(\d{1,2}):(\d{2}):(\d{2}) +(?:([a-z]{1,5}) +)?(\d{4})/i;

/** Epoch milliseconds of a Date header; null when it cannot be read. A missing or unknown zone is UTC. */
export function readDate(value: string): number | null {
  const text = value
    .slice(0, MAX_CHARS)
    .replace(/\([^()]*\)/g, ' ')
    .replace(/\s+/g, ' ')
    .trim();
  let m = DAY_FIRST.exec(text);
  if (m) return build(yearOf(m[3]), monthOf(m[2]), m[1], m[4], m[5], m[6], m[7]);
  m = ISO.exec(text);
  if (m) return build(Number(m[1]), Number(m[2]) - 1, m[3], m[4], m[5], m[6], m[7]);
  m = MONTH_FIRST.exec(text);
  return m ? build(Number(m[7]), monthOf(m[1]), m[2], m[3], m[4], m[5], m[6]) : null;
}

function build(year: number, month: number, ...rest: (string | undefined)[]): number | null {
  const [day = 0, hour = 0, minute = 0, second = 0] = rest.slice(0, 4).map((digits) => Number(digits ?? 0));
  if (month < 0 || month > 11 || day < 1 || day > 31 || hour > 24 || minute > 59 || second > 60) return null;
  const time = Date.UTC(year, month, day, hour, minute, second) - zoneMinutes(rest[4]) * MINUTE_MS;
  return time >= EARLIEST && time < LATEST ? time : null;
}

const monthOf = (name: string | undefined): number => MONTHS.indexOf((name ?? '').slice(0, 3).toLowerCase());

/** RFC 5322 §4.3: two digits below 50 are 20xx, others and three digits count from 1900. */
function yearOf(digits: string | undefined): number {
  const year = Number(digits);
  if (digits?.length === 2) return year < 50 ? 2000 + year : 1900 + year;
  return digits?.length === 3 ? 1900 + year : year;
}

function zoneMinutes(zone: string | undefined): number {
  const match = /^([+-])(\d{2}):?(\d{2})$/.exec(zone ?? '');
  if (match) {
    const minutes = Number(match[2]) * 60 + Number(match[3]);
    return minutes > 24 * 60 ? 0 : match[1] === '-' ? -minutes : minutes;
  }
  return (ZONE_HOURS[(zone ?? '').toUpperCase()] ?? 0) * 60;
}
