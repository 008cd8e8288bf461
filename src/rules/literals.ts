// What a regular expression cannot match without: sets of literals, of each of which one is in every text
// that matches. They let the index leave out most rules. Whatever this reader does not surely understand
// gives no literals, which costs time and never a match.

const MAX_LITERALS = 64; // beyond this the index would be larger than what it saves
const MAX_NEEDS = 8; // the first few already leave out nearly all
const MIN_ASCII_CHARS = 2; // a single letter is in nearly every subject
const HAN = /\p{Script=Han}/u;

class NotUnderstood extends Error {}

/** Of each set one literal (in lower case), all of them: a conjunction of alternatives. */
export type Needs = readonly (readonly string[])[];

/** What every match needs, as far as that is certain. `pattern` is the part between the slashes. */
export function requiredLiterals(pattern: string): Needs {
  try {
    const reader = new Reader(pattern);
    const found = reader.alternation();
    return reader.atEnd ? found : [];
  } catch (error) {
    if (error instanceof NotUnderstood) return [];
    throw error;
  }
}

/** Reads the syntax of RE2 (https://github.com/google/re2/wiki/Syntax) as far as literals need. */
class Reader {
  readonly #source: string;
  #at = 0;
  #depth = 0;

  constructor(source: string) {
    this.#source = source;
  }

  get atEnd(): boolean {
    return this.#at >= this.#source.length;
  }

  alternation(): Needs {
    const branches = [this.#sequence()];
    while (this.#source[this.#at] === '|') {
      this.#at++;
      branches.push(this.#sequence());
    }
    if (branches.length === 1) return branches[0] ?? [];
    const union = new Set<string>();
    for (const branch of branches) {
      const best = longest(branch);
      if (!best) return [];
      for (const literal of best) union.add(literal);
    }
    return union.size <= MAX_LITERALS ? [[...union]] : [];
  }

  #sequence(): Needs {
    const needs: (readonly string[])[] = [];
    let run = '';
    const endRun = (): void => {
      if (usable(run)) needs.push([run]);
      run = '';
    };
    while (!this.atEnd && this.#source[this.#at] !== '|' && this.#source[this.#at] !== ')') {
      const atom = this.#atom();
      const times = this.#quantifier();
      if (atom === 'nothing') continue;
      if (typeof atom === 'object' && 'literal' in atom) {
        if (times !== 'any') run += atom.literal;
        if (times !== 'once') endRun();
        continue;
      }
      endRun();
      if (typeof atom === 'object' && times !== 'any') needs.push(...atom.needs);
    }
    endRun();
    return needs.slice(0, MAX_NEEDS);
  }

  /**
   * `nothing` has no width; `any` is some character; a literal is one character; `needs` is what a group
   * does.
   */
  #atom(): 'nothing' | 'any' | { literal: string } | { needs: Needs } {
    const char = this.#source[this.#at++] as string;
    if (char === '^' || char === '$') return 'nothing';
    if (char === '.') return 'any';
    if (char === '[') return this.#skipClass();
    if (char === '(') return this.#group();
    if (char === '\\') return this.#escape();
    if (char === '*' || char === '+' || char === '?' || char === '{') throw new NotUnderstood();
    return literalOf(char);
  }

  #group(): 'nothing' | { needs: Needs } {
    if (++this.#depth > 50) throw new NotUnderstood();
    if (this.#source[this.#at] === '?') {
      const head = /^\?(?:(?:[imsU]*(?:-[imsU]+)?)(:|\))|P?<\w+>)/.exec(
        this.#source.slice(this.#at, this.#at + 80),
      );
      if (!head) throw new NotUnderstood();
      this.#at += head[0].length;
      if (head[1] === ')') {
        this.#depth--;
        return 'nothing';
      }
    }
    const needs = this.alternation();
    if (this.#source[this.#at++] !== ')') throw new NotUnderstood();
    this.#depth--;
    return { needs };
  }

  #escape(): 'nothing' | 'any' | { literal: string } {
    const char = this.#source[this.#at++];
    if (char === undefined) throw new NotUnderstood();
    if ('bBAz'.includes(char)) return 'nothing';
    if ('dDwWsStnrfv'.includes(char)) return 'any';
    if (/[^\w\s]/.test(char) && char.charCodeAt(0) < 128) return { literal: char };
    throw new NotUnderstood();
  }

  #skipClass(): 'any' {
    if (this.#source[this.#at] === '^') this.#at++;
    let first = true;
    for (; this.#at < this.#source.length; this.#at++) {
      const char = this.#source[this.#at];
      if (char === '\\') this.#at++;
      else if (char === '[' && this.#source[this.#at + 1] === ':') throw new NotUnderstood();
      else if (char === ']' && !first) {
        this.#at++;
        return 'any';
      }
      first = false;
    }
    throw new NotUnderstood();
  }

  /**
   * How often the atom before may stand there: once, at least once, or any number of times, which may be
   * zero.
   */
  #quantifier(): 'once' | 'repeated' | 'any' {
    const found = /^(?:[*+?]|\{(\d+)(?:,\d*)?\})\??/.exec(this.#source.slice(this.#at, this.#at + 20));
    if (!found) return 'once';
    this.#at += found[0].length;
    if (found[0].startsWith('+')) return 'repeated';
    return found[1] !== undefined && Number(found[1]) > 0 ? 'repeated' : 'any';
  }
}

/**
 * ASCII and Han characters only: for these alone a match in the text (NFC) surely shows in the folded text
 * (NFKC and lower case), which is what the index reads.
 */
function literalOf(char: string): 'any' | { literal: string } {
  if (char.charCodeAt(0) < 128) return { literal: char.toLowerCase() };
  return HAN.test(char) && char.normalize('NFKC') === char ? { literal: char } : 'any';
}

function usable(literal: string): boolean {
  return literal.length >= MIN_ASCII_CHARS || HAN.test(literal);
}

function longest(needs: Needs): readonly string[] | null {
  let best: readonly string[] | null = null;
  for (const set of needs) if (!best || shortest(set) > shortest(best)) best = set;
  return best;
}

function shortest(set: readonly string[]): number {
  return Math.min(...set.map((text) => text.length));
}
