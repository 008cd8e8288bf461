// What in a text would betray that it comes from another conversation: account numbers, cards, codes, addresses of people, and
// long passages word for word. Pure; what of it stands elsewhere is asked of the ledger.
const MOST_TELLTALES = 60; // the first ones of each kind; who is asked about one looks at them all
const MOST_PASSAGES = 40;
const PASSAGE_WORDS = 10; // two people seldom choose the same ten words in a row, but for phrases that all use
const CODE_CHARS = 10;
const NUMBER_DIGITS = 8;
const LOOKED_THROUGH_CHARS = 100_000;

export interface Telltale {
  /** As it is looked for in `squeezed` text. */
  squeezed: string;
  /** In words, for the person who is asked. */
  what: string;
}

/** A text as telltales are looked for in it: lower case, letters and digits alone. */
export const squeeze = (text: string): string =>
  text
    .normalize('NFKC')
    .toLowerCase()
    .replace(/[^\p{L}\p{N}@]+/gu, '');

const IBAN = /\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]){11,30}\b/gi; // one way to read each: groups would be tried in all ways
const DIGITS = /\d(?:[ \u00a0.-]?\d){7,24}/g;
const CODE = /[\p{L}\p{N}][\p{L}\p{N}_-]{8,80}[\p{L}\p{N}]/gu;
const PERSON = /[\p{L}\p{N}._%+-]{1,64}@(?:[\p{L}\p{N}-]{1,63}\.){1,8}[\p{L}]{2,63}/gu;
const DATE = /^(?:(?:19|20)\d{2}[ .-]?\d{2}[ .-]?\d{2}|\d{2}[ .-]?\d{2}[ .-]?(?:19|20)\d{2})$/;

export interface Telltales {
  found: Telltale[];
  /** False where it has more of them than are looked for, or is longer: what is looked for could hide behind others. */
  isWhole: boolean;
}

/** @param isKnown addresses that the mail may name: those of its recipients and of the conversation */
export function telltalesIn(text: string, isKnown: (address: string) => boolean): Telltales {
  let isWhole = text.length <= LOOKED_THROUGH_CHARS;
  const source = text.slice(0, LOOKED_THROUGH_CHARS).normalize('NFKC');
  const found = new Map<string, Telltale>();
  const add = (written: string, what: string, most = MOST_TELLTALES): void => {
    const squeezed = squeeze(written);
    if (squeezed.length < NUMBER_DIGITS || found.has(squeezed)) return;
    if (found.size < most) found.set(squeezed, { squeezed, what });
    else isWhole = false;
  };
  const rest = source.replace(IBAN, (run) => {
    const iban = ibanIn(run);
    if (iban === null) return run;
    add(iban, 'an account number (IBAN)');
    return run.slice(iban.length);
  });
  for (const [written] of rest.matchAll(DIGITS)) {
    const digits = written.replace(/\D/g, '');
    if (isCard(digits)) add(written, 'the number of a card');
    else if (digits.length >= NUMBER_DIGITS && !DATE.test(written))
      add(written, `the number ${hint(written)}`);
  }
  for (const [written] of source.matchAll(PERSON))
    if (!isKnown(written)) add(written, `the address ${written}`);
  for (const [written] of rest.matchAll(CODE)) if (isCode(written)) add(written, `the code ${hint(written)}`);
  const passages = isWhole;
  for (const passage of passagesIn(source))
    add(passage, `a passage: ${JSON.stringify(`${passage.slice(0, 60)}…`)}`, MOST_TELLTALES + MOST_PASSAGES);
  return { found: [...found.values()], isWhole: isWhole || passages };
}

/** Its beginning: what a person is told of it is kept in reasons and records. */
const hint = (written: string): string => `${written.slice(0, 4)}…`;

/** Windows of words that do not overlap by more than half: a passage that was copied has one of them whole. */
function* passagesIn(text: string): Generator<string> {
  const words = text.match(/[\p{L}\p{N}]+/gu) ?? [];
  const step = Math.max(PASSAGE_WORDS / 2, Math.ceil(words.length / MOST_PASSAGES));
  for (let at = 0; at + PASSAGE_WORDS <= words.length; at += step)
    yield words.slice(at, at + PASSAGE_WORDS).join(' ');
}

const isCode = (written: string): boolean =>
  written.length >= CODE_CHARS &&
  /\d/.test(written) &&
  /\p{L}/u.test(written) &&
  (written.match(/\d/g)?.length ?? 0) >= 3;

/** Words may follow it that look like groups of it. */
function ibanIn(run: string): string | null {
  for (let end = run.length; end > 0; end = run.lastIndexOf(' ', end - 1)) {
    const written = run.slice(0, end);
    if (isIban(written)) return written;
  }
  return null;
}

/** ISO 13616: the check digits leave 1. */
function isIban(written: string): boolean {
  const text = written.replace(/\s/g, '').toUpperCase();
  if (text.length < 15 || text.length > 34) return false;
  let rest = 0;
  for (const char of text.slice(4) + text.slice(0, 4)) {
    const value = Number.parseInt(char, 36);
    rest = (value > 9 ? rest * 100 + value : rest * 10 + value) % 97;
  }
  return rest === 1;
}

/** ISO/IEC 7812: the check digit of Luhn. */
function isCard(digits: string): boolean {
  if (digits.length < 13 || digits.length > 19) return false;
  let sum = 0;
  for (let i = 0; i < digits.length; i++) {
    const digit = Number(digits[digits.length - 1 - i]);
    const doubled = i % 2 === 1 ? digit * 2 : digit;
    sum += doubled > 9 ? doubled - 9 : doubled;
  }
  return sum % 10 === 0;
}
