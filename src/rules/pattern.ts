// Patterns as they are written in rules: plain words, globs and /regular expressions/flags. The one door of
// re2js, whose matching takes time linear in the text, whatever the pattern.
import { RE2JS, RE2JSException } from 're2js';
import { type Needs, requiredLiterals } from './literals.ts';
import { foldPiece, type TextForm } from './text.ts';

/** What is wrong with a pattern, as the end of a sentence; the caller knows where the pattern stands. */
export class PatternError extends Error {}

export interface TextPattern {
  test(form: TextForm): boolean;
  /** Of each of these sets, one literal is in `folded` of every text that matches. */
  readonly needs: Needs;
}

/** How plain words are meant: somewhere in the text, or as the whole of it. */
export type PlainMeans = 'part' | 'whole';

const FLAGS: Readonly<Record<string, number>> = {
  i: RE2JS.CASE_INSENSITIVE,
  s: RE2JS.DOTALL,
  m: RE2JS.MULTILINE,
};

/** A pattern for subjects, headers and names. Words and globs ignore case. Throws PatternError. */
export function textPattern(source: string, plainMeans: PlainMeans): TextPattern {
  const expression = expressionOf(source);
  if (expression) {
    return regexPattern(compile(expression.body, expression.flags), requiredLiterals(expression.body));
  }
  const glob = readGlob(source, foldPiece);
  const { pieces } = glob;
  if (pieces.length === 1) {
    const words = (pieces[0] as string).trim();
    if (!words) throw new PatternError('has nothing in it to look for');
    const needs = [[words]];
    return plainMeans === 'part'
      ? { test: (form) => form.folded.includes(words), needs }
      : { test: (form) => form.folded === words, needs };
  }
  const test = globTest(glob);
  const needs = pieces.map((piece) => [piece.trim()]).filter(([piece]) => piece);
  return { test: (form) => test(form.folded), needs };
}

/** Looking for what a match needs is many times quicker than the expression. */
function regexPattern(regex: RE2JS, needs: Needs): TextPattern {
  const test = (form: TextForm): boolean => {
    for (const set of needs) if (!hasOne(form.folded, set)) return false;
    return regex.test(form.text);
  };
  return { test, needs };
}

function hasOne(text: string, literals: readonly string[]): boolean {
  for (const literal of literals) if (text.includes(literal)) return true;
  return false;
}

/** A test of a whole string for names that are already in one form, such as domains. Throws PatternError. */
export function wholePattern(source: string, prepare: (piece: string) => string): (text: string) => boolean {
  const expression = expressionOf(source);
  if (expression) {
    const regex = compile(expression.body, expression.flags);
    return (text) => regex.test(text);
  }
  const glob = readGlob(source, prepare);
  const only = glob.pieces[0] as string;
  return glob.pieces.length === 1 ? (text) => text === only : globTest(glob);
}

/** What a text needs in it (folded) to match a regular expression; nothing for any other source. */
export function neededBy(source: string): Needs {
  const expression = expressionOf(source);
  return expression ? requiredLiterals(expression.body) : [];
}

/** Whether a source is a plain word: neither a glob nor a regular expression. */
export function isPlain(source: string): boolean {
  return !expressionOf(source) && readGlob(source, (piece) => piece).pieces.length === 1;
}

interface Glob {
  /** What stands between the wildcards; one more than there are wildcards. */
  pieces: string[];
  wildcards: ('*' | '?')[];
}

/**
 * `*` stands for any run of characters, `?` for one; a backslash takes the meaning from `*`, `?`, `!`, `/`
 * and itself.
 */
function readGlob(source: string, prepare: (piece: string) => string): Glob {
  const pieces: string[] = [];
  const wildcards: ('*' | '?')[] = [];
  let piece = '';
  for (let i = 0; i < source.length; i++) {
    const char = source[i] as string;
    if (char === '\\' && '*?!/\\'.includes(source[i + 1] ?? ' ')) piece += source[++i];
    else if (char === '*' || char === '?') {
      if (char === '*' && piece === '' && wildcards.at(-1) === '*') continue;
      pieces.push(prepare(piece));
      wildcards.push(char);
      piece = '';
    } else piece += char;
  }
  pieces.push(prepare(piece));
  return { pieces, wildcards };
}

function globTest({ pieces, wildcards }: Glob): (text: string) => boolean {
  const [first = '', middle = '', last = ''] = pieces;
  if (wildcards.join('') === '*') {
    const shortest = first.length + middle.length;
    return (text) => text.length >= shortest && text.startsWith(first) && text.endsWith(middle);
  }
  if (wildcards.join('') === '**' && !first && !last) return (text) => text.includes(middle);
  const body = pieces.map((piece, i) => RE2JS.quote(piece) + wild(wildcards[i])).join('');
  const regex = compile(`^${body}$`, RE2JS.DOTALL, false);
  return (text) => regex.test(text);
}

function wild(wildcard: '*' | '?' | undefined): string {
  if (wildcard === undefined) return '';
  return wildcard === '*' ? '.*' : '.';
}

/**
 * The parts of `/body/flags`, or null for any other text. Throws PatternError for one that is begun and not
 * ended.
 */
function expressionOf(source: string): { body: string; flags: number } | null {
  if (!source.startsWith('/')) return null;
  const end = source.lastIndexOf('/');
  const letters = source.slice(end + 1);
  if (end === 0 || !/^[A-Za-z]*$/.test(letters)) {
    throw new PatternError(
      'begins a regular expression that does not end; write /…/ or /…/i, or \\/ for a slash at the start',
    );
  }
  const body = source.slice(1, end);
  if (!body) throw new PatternError('is a regular expression with nothing in it');
  let flags = 0;
  for (const letter of letters) {
    const flag = Object.hasOwn(FLAGS, letter) ? FLAGS[letter] : undefined;
    if (flag === undefined)
      throw new PatternError(`has the unknown flag \`${letter}\`; the flags are i, s and m`);
    flags |= flag;
  }
  return { body, flags };
}

function compile(body: string, flags: number, translate = true): RE2JS {
  try {
    return RE2JS.compile(translate ? RE2JS.translateRegExp(body.normalize('NFC')) : body, flags);
  } catch (error) {
    if (!(error instanceof RE2JSException)) throw error;
    const why = error.message.replace(/^error parsing regexp: /, '');
    throw new PatternError(`is not a regular expression that can be used: ${why}${mendOf(body)}`);
  }
}

function mendOf(body: string): string {
  if (/\(\?<?[=!]|\\[1-9]/.test(body)) {
    return '; look-around and back-references do not exist here, because matching takes linear time';
  }
  return '';
}
