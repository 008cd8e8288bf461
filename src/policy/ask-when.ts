// The reasons of `needs_approval_when` that hang on what a mail says and when it is written: pure.
import type { AskWhen } from '../contracts/agent-policy.ts';
import { localTime, WEEKDAYS } from '../rules/local-time.ts';
import { PatternError, textPattern } from '../rules/pattern.ts';
import { timesTest } from '../rules/sent.ts';
import { MAX_BODY_CHARS, TextForm } from '../rules/text.ts';
import { type Finding, finding } from './rules.ts';

export interface WrittenMail {
  /** What the agent wrote: subject and text, without what it quotes. */
  words: string;
  /** Epoch milliseconds. */
  now: number;
}

type Sayable = Exclude<AskWhen, string>;

export function askedBecause(reason: Sayable, mail: WrittenMail): Finding | null {
  if (!('outside_hours' in reason) && mail.words.length > MAX_BODY_CHARS) {
    const rule = 'amount' in reason ? 'amount' : 'words';
    return finding(
      rule,
      `It is longer than what is looked through for ${rule === 'amount' ? 'amounts' : rule}.`,
    );
  }
  if ('amount' in reason) {
    const largest = largestAmount(mail.words);
    return largest !== null && largest.value > reason.amount
      ? finding('amount', `It names ${largest.shown}, which is more than ${reason.amount}.`)
      : null;
  }
  if ('words' in reason) {
    const text = new TextForm(mail.words, MAX_BODY_CHARS);
    const found = reason.words.find((word) => stands(word, text));
    return found === undefined ? null : finding('words', `\`${found.slice(0, 100)}\` stands in it.`);
  }
  const { time, weekday, timezone = 'UTC' } = reason.outside_hours;
  const at = localTime(mail.now, timezone);
  if (at !== null && timesTest({ time, weekday })(at)) return null;
  const clock =
    at === null
      ? 'at a time that no calendar has'
      : `on ${WEEKDAYS[at.weekday]} at ${two(at.minute / 60)}:${two(at.minute % 60)}`;
  return finding('outside_hours', `It was written outside of the hours, ${clock} (${timezone}).`);
}

/** Rules with a pattern that is none are not taken in force; should one come here all the same, a person is asked. */
function stands(word: string, text: TextForm): boolean {
  try {
    return textPattern(word, 'part').test(text);
  } catch (error) {
    if (error instanceof PatternError) return true;
    throw error;
  }
}

const two = (number: number): string => String(Math.floor(number)).padStart(2, '0');

const CURRENCY =
  /(?:€|\$|£|¥|₹|₽|₩|₺|₴|₿|\b(?:EUR|USD|CHF|GBP|JPY|CNY|RMB|INR|CAD|AUD|NZD|SEK|NOK|DKK|PLN|CZK|HUF|RON|BGN|BRL|MXN|ZAR|TRY|RUB|KRW|SGD|HKD|THB|IDR|MYR|PHP|VND|AED|SAR|ILS|EGP|NGN|KES|UAH|BTC|ETH|USDT|Fr\.?|CHF\.?|euros?|dollars?|francs?|pounds?|Franken|yuan|yen)(?![\p{L}])|元|円|원)/giu;
const NUMBER =
  /\d[\d.,'’\u00a0\u202f ]{0,30}\d(?:\s?(?:k|thousand|tausend|mio|million(?:s|en)?|mrd|billion|[mM])\b)?|\d(?:\s?(?:k|thousand|tausend|mio|million(?:s|en)?|mrd|billion|[mM])\b)?/giu;
const NEAR_CHARS = 4; // between a number and its currency
/** Digits of all scripts stand in tens, in their order (Unicode, general category Nd). */
const OTHER_DIGIT = /(?![0-9])\p{Nd}/gu;

/** The largest amount of money that the text names, by a number beside a currency. */
export function largestAmount(words: string): { value: number; shown: string } | null {
  const text = words.slice(0, MAX_BODY_CHARS).normalize('NFKC').replace(OTHER_DIGIT, inAscii);
  const places = [...text.matchAll(CURRENCY)].map((found) => ({
    from: found.index,
    to: found.index + found[0].length,
  }));
  if (places.length === 0) return null;
  let largest: { value: number; shown: string } | null = null;
  let next = 0;
  for (const found of text.matchAll(NUMBER)) {
    const [from, to] = [found.index, found.index + found[0].length];
    while ((places[next]?.to ?? Number.POSITIVE_INFINITY) < from - NEAR_CHARS) next++;
    const place = places[next];
    if (!place || place.from > to + NEAR_CHARS) continue;
    const value = amountOf(found[0]);
    if (largest === null || value > largest.value) {
      const shown = text.slice(Math.min(from, place.from), Math.max(to, place.to)).trim();
      largest = { value, shown: shown.slice(0, 60) };
    }
  }
  return largest;
}

/** How far above the digit's own zero it stands. */
function inAscii(digit: string): string {
  const code = digit.codePointAt(0) ?? 0;
  let zero = code;
  while (code - zero < 9 && /\p{Nd}/u.test(String.fromCodePoint(zero - 1))) zero--;
  return String(code - zero);
}

const TIMES: readonly [RegExp, number][] = [
  [/(?:k|thousand|tausend)$/i, 1e3],
  [/(?:m|mio|million(?:s|en)?)$/i, 1e6],
  [/(?:mrd|billion)$/i, 1e9],
];

/**
 * A number as people write it, with commas, points, apostrophes or spaces. Where it can be read in two ways it is read as
 * the larger one: then a person is asked.
 */
function amountOf(written: string): number {
  const factor = TIMES.find(([word]) => word.test(written))?.[1] ?? 1;
  const digits = written.replace(/[a-z]+$/i, '').replace(/[\s'’]/g, '');
  // One or two digits behind the last mark are cents; three are thousands.
  const cents = /[.,](\d{1,2})$/.exec(digits);
  const whole = (cents ? digits.slice(0, cents.index) : digits).replace(/[.,]/g, '');
  return (Number(whole) + (cents ? Number(`0.${cents[1]}`) : 0)) * factor;
}
