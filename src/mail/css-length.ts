// Lengths as styles write them (CSS Values 4), worked out for a window as wide as a desk's: also those that are sums and
// bounds of others, by which nothing can be written in many words.

/** The width of the window in which styles are judged: that of a mail on a desk. */
export const WINDOW_PX = 1200;

const UNITS: Record<string, number> = {
  ...{ '': 1, px: 1, pt: 4 / 3, pc: 16, in: 96, cm: 37.8, mm: 3.78, q: 0.945, rem: 16 },
  ...{ vw: WINDOW_PX / 100, vh: WINDOW_PX / 100, vmin: WINDOW_PX / 100, vmax: WINDOW_PX / 100 },
};
const NUMBER = /^([+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d{1,3})?)([a-z%]*)$/;
const TOKEN =
  /\s*(?:([+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d{1,3})?[a-z%]*)|(calc|min|max|clamp)?(\()|([-+*/,)]))/y;
const MAX_FUNCTION_CHARS = 200;
const MAX_NESTING = 10;

/** A length in px; percentages and ems are of `whole`. NaN where it is none. */
export function lengthOf(written: string, whole: number): number {
  const match = NUMBER.exec(written);
  if (match) return measured(Number.parseFloat(match[1] ?? ''), match[2] ?? '', whole);
  if (written.length > MAX_FUNCTION_CHARS || !/^(?:calc|min|max|clamp)\(/.test(written)) return Number.NaN;
  const sum = new Sum(written, whole);
  const value = sum.factor(0);
  return sum.isAtEnd ? value : Number.NaN;
}

function measured(number: number, unit: string, whole: number): number {
  if (unit === '%') return (number / 100) * whole;
  if (unit === 'em') return number * whole;
  if (unit === 'ex' || unit === 'ch') return (number * whole) / 2;
  const px = UNITS[unit];
  return px === undefined ? Number.NaN : number * px;
}

/** Reads from left to right; what it does not understand makes all of it NaN. */
class Sum {
  readonly #text: string;
  readonly #whole: number;
  #at = 0;

  constructor(text: string, whole: number) {
    this.#text = text;
    this.#whole = whole;
  }

  get isAtEnd(): boolean {
    return this.#text.slice(this.#at).trim() === '';
  }

  factor(depth: number): number {
    const [, number, name, open] = this.#token() ?? [];
    if (number !== undefined) return lengthOf(number, this.#whole);
    if (open === undefined || depth > MAX_NESTING) return Number.NaN;
    const values = [this.#sum(depth + 1)];
    while (this.#takes(',')) values.push(this.#sum(depth + 1));
    if (!this.#takes(')')) return Number.NaN;
    if (name === 'min') return Math.min(...values);
    if (name === 'max') return Math.max(...values);
    const [first = Number.NaN, second = Number.NaN, third = Number.NaN] = values;
    return name === 'clamp' ? Math.max(first, Math.min(second, third)) : first;
  }

  #sum(depth: number): number {
    let value = this.#product(depth);
    for (;;) {
      if (this.#takes('+')) value += this.#product(depth);
      else if (this.#takes('-')) value -= this.#product(depth);
      else return value;
    }
  }

  #product(depth: number): number {
    let value = this.factor(depth);
    for (;;) {
      if (this.#takes('*')) value *= this.factor(depth);
      else if (this.#takes('/')) value /= this.factor(depth);
      else return value;
    }
  }

  #token(): RegExpExecArray | null {
    TOKEN.lastIndex = this.#at;
    const token = TOKEN.exec(this.#text);
    if (token) this.#at = TOKEN.lastIndex;
    return token;
  }

  /** Operators stand between spaces, so that a sign belongs to its number. */
  #takes(operator: string): boolean {
    const rest = this.#text.slice(this.#at);
    const found = rest.trimStart();
    if (!found.startsWith(operator)) return false;
    this.#at += rest.length - found.length + 1;
    return true;
  }
}
