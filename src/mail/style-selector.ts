// Selectors of a mail's style sheet (Selectors 4): types, classes, ids and attributes, and what is written for several of
// them or without some. Pseudo-classes of places, states and siblings are not followed.

export interface StyledElement {
  name: string;
  attributes: Record<string, string>;
  classes: ReadonlySet<string>;
}

/** What one element has to be. */
export interface Compound {
  type: string | null;
  id: string | null;
  classes: string[];
  attributes: AttributeTest[];
  /** `:not(…)`: none of these may fit. */
  excluded: Compound[];
}

interface AttributeTest {
  name: string;
  /** `=`, or `~=`, `|=`, `^=`, `$=`, `*=` (Selectors 4 §6); empty where the attribute has but to be there. */
  operator: string;
  value: string;
  ignoresCase: boolean;
}

export const MAX_SELECTOR_CHARS = 1000; // one of them; patterns look at it from every character
const MAX_VALUE_CHARS = 2000; // of an attribute: each rule looks at it
const MAX_SPELLED = 100; // of one list, where it has choices in it
const MAX_SELECTORS = 20_000; // as many as rules
const GROUP = /:(?:is|where|matches|-webkit-any|-moz-any)\(([^()]*)\)/i;

/** The selectors of a list, each choice (`:is(…)`) in them made: what stands for several is written as several. */
export function spelledOut(selectors: string): string[] {
  const left = parted(selectors).reverse();
  const found: string[] = [];
  for (let written = left.pop(); written !== undefined; written = left.pop()) {
    const isSpelled = written.length <= MAX_SELECTOR_CHARS && found.length + left.length < MAX_SPELLED;
    const group = isSpelled ? GROUP.exec(written) : null;
    if (!group) found.push(written);
    else
      for (const one of (group[1] ?? '').split(',')) left.push(written.replace(group[0], () => one.trim()));
  }
  return found;
}

/** At the commas that stand in no brackets. */
function parted(selectors: string): string[] {
  const parts: string[] = [];
  let depth = 0;
  let start = 0;
  for (let at = 0; at < selectors.length && parts.length < MAX_SELECTORS; at++) {
    const char = selectors[at];
    if (char === '(') depth++;
    else if (char === ')') depth--;
    else if (char === ',' && depth <= 0) {
      parts.push(selectors.slice(start, at));
      start = at + 1;
    }
  }
  return [...parts, selectors.slice(start)];
}

/** What can be said without a pseudo-class. */
export const usual = (selector: string): string =>
  selector.replace(/:(?:any-)?link(?![\w-])/gi, '[href]').replace(/:root(?![\w-])/gi, 'html');

/** A selector without what is not understood of it, and whether that is all of it. */
export function withoutOddities(selector: string): { selector: string; isPlain: boolean } {
  if (!/[:+~|&]/.test(selector.replace(/\[[^\]]*\]|:not\([^()]*\)/gi, '')))
    return { selector, isPlain: true };
  const rest = selector.replace(/::?[\w-]+(?:\([^()]*\))?/g, '').replace(/\S+\s*[+~]\s*/g, '');
  return { selector: rest.trim() === '' ? '*' : rest.trim(), isPlain: false };
}

const PIECE =
  /([#.])(-?[\w\u0080-\uffff-]+)|\[\s*([\w-]+)\s*(?:([~|^$*]?=)\s*(?:"([^"\]]*)"|'([^'\]]*)'|([^\s"'\]]+))\s*([is]?)\s*)?\]|:not\(([^()]*)\)|(\*)|([a-z][\w-]*)/giy;

export function readCompound(text: string): Compound | null {
  const compound: Compound = { type: null, id: null, classes: [], attributes: [], excluded: [] };
  let at = 0;
  while (at < text.length) {
    PIECE.lastIndex = at;
    const piece = PIECE.exec(text);
    if (!piece) return null;
    at = PIECE.lastIndex;
    const [, mark, name, attribute, operator = '', double, single, bare, flag, excluded, , type] = piece;
    if (mark === '#') compound.id = name ?? '';
    else if (mark === '.') compound.classes.push(name ?? '');
    else if (attribute !== undefined) {
      const value = double ?? single ?? bare ?? '';
      const ignoresCase = flag?.toLowerCase() === 'i';
      compound.attributes.push({ name: attribute.toLowerCase(), operator, value, ignoresCase });
    } else if (excluded !== undefined) {
      for (const one of excluded.split(',')) {
        const inner = readCompound(one.trim());
        if (!inner) return null;
        compound.excluded.push(inner);
      }
    } else if (type !== undefined) compound.type = type.toLowerCase();
  }
  return compound;
}

export function keyOf({ id, classes, type }: Compound): string {
  if (id !== null) return `#${id}`;
  return classes[0] === undefined ? (type ?? '*') : `.${classes[0]}`;
}

export function fits({ type, id, classes, attributes, excluded }: Compound, element: StyledElement): boolean {
  if (type !== null && type !== element.name) return false;
  if (id !== null && id !== element.attributes.id) return false;
  if (classes.some((name) => !element.classes.has(name))) return false;
  if (excluded.some((compound) => fits(compound, element))) return false;
  return attributes.every((test) => {
    const { attributes: own } = element;
    return Object.hasOwn(own, test.name) && (test.operator === '' || hasValue(test, own[test.name] ?? ''));
  });
}

function hasValue({ operator, value: written, ignoresCase }: AttributeTest, has: string): boolean {
  if (has.length > MAX_VALUE_CHARS) return false;
  const value = ignoresCase ? written.toLowerCase() : written;
  const own = ignoresCase ? has.toLowerCase() : has;
  switch (operator) {
    case '=':
      return own === value;
    case '~=':
      return own.split(/\s+/).includes(value);
    case '|=':
      return own === value || own.startsWith(`${value}-`);
    case '^=':
      return value !== '' && own.startsWith(value);
    case '$=':
      return value !== '' && own.endsWith(value);
    default:
      return value !== '' && own.includes(value);
  }
}
