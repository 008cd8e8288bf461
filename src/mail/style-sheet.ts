// The style sheet inside a mail, as far as it decides whether text is seen: rules with selectors of types, classes, ids and
// attributes, below and inside one another, for a window as wide as a desk's. What a rule of another form says is not
// followed: it hides nothing, and where it sets a background, that is taken as unknown.
import { WINDOW_PX } from './css-length.ts';
import { type Declaration, readDeclarations, unescaped } from './css-style.ts';
import {
  type Compound,
  fits,
  keyOf,
  MAX_SELECTOR_CHARS,
  readCompound,
  type StyledElement,
  spelledOut,
  usual,
  withoutOddities,
} from './style-selector.ts';

interface Rule {
  /** From the element itself outwards. */
  compounds: Compound[];
  /** Whether the compound at the same place must be the parent of the one before it. */
  isParent: boolean[];
  /** A class that one of the elements around it must have; null where none need have one. */
  around: string | null;
  specificity: number;
  declarations: Declaration[];
}

const MAX_RULES = 20_000; // large newsletters have 500
const MAX_NESTING = 8;
const MAX_COMPOUNDS = 12;
const MAX_ATTRIBUTES_KEPT = 1000;
/** Comparisons of one mail's elements with rules: a large newsletter takes 200,000. */
const MAX_STEPS = 1_500_000;

export class StyleSheet {
  /** By what the element itself must have: `#id`, `.class`, a type, or `*`. */
  readonly #rules = new Map<string, Rule[]>();
  /** Of style attributes: a mail has few, each on many elements. */
  readonly #attributes = new Map<string, Declaration[]>();
  /** How many of the open elements have a class: most rules are ruled out by this alone. */
  readonly #open = new Map<string, number>();
  #count = 0;
  #steps = 0;

  /** True where the mail asks for more than is followed: what comes behind may be hidden. */
  get exhausted(): boolean {
    return this.#steps > MAX_STEPS || this.#count >= MAX_RULES;
  }

  /** @param media that of the style element, null where it has none */
  add(css: string, media: string | null): void {
    if (media === null || isForScreen(media)) this.#addRules(unwrapped(css), 0);
  }

  /** To be told of every element that opens, behind asking about it, and of every one that closes. */
  opened({ classes }: StyledElement): void {
    for (const name of classes) this.#open.set(name, (this.#open.get(name) ?? 0) + 1);
  }

  closed({ classes }: StyledElement): void {
    for (const name of classes) this.#open.set(name, (this.#open.get(name) ?? 1) - 1);
  }

  /** What a style attribute says. */
  declarationsIn(attribute: string): Declaration[] {
    const known = this.#attributes.get(attribute);
    if (known) return known;
    const read = readDeclarations(attribute);
    if (this.#attributes.size < MAX_ATTRIBUTES_KEPT) this.#attributes.set(attribute, read);
    return read;
  }

  /** What the sheet says of an element, the weakest first. @param ancestors the nearest last */
  declarationsFor(element: StyledElement, ancestors: readonly StyledElement[]): Declaration[] {
    if (this.#count === 0) return [];
    const id = element.attributes.id;
    const keys = [element.name, '*', ...[...element.classes].map((name) => `.${name}`)];
    if (id !== undefined) keys.push(`#${id}`);
    const found: Rule[] = [];
    for (const key of keys) {
      for (const rule of this.#rules.get(key) ?? []) {
        this.#steps++;
        if (this.exhausted) return [];
        if (rule.around !== null && !this.#open.get(rule.around)) continue;
        if (this.#matches(rule, element, ancestors)) found.push(rule);
      }
    }
    // Rules of one list stand in order, and a stable sort leaves the later of two equals behind.
    if (found.length > 1) found.sort((a, b) => a.specificity - b.specificity);
    return found.flatMap((rule) => rule.declarations);
  }

  #matches(rule: Rule, element: StyledElement, ancestors: readonly StyledElement[]): boolean {
    if (!fits(rule.compounds[0] as Compound, element)) return false;
    let at = ancestors.length - 1;
    for (let i = 1; i < rule.compounds.length; i++) {
      const compound = rule.compounds[i] as Compound;
      if (rule.isParent[i]) {
        const parent = ancestors[at--];
        if (!parent || !fits(compound, parent)) return false;
        continue;
      }
      while (at >= 0 && !fits(compound, ancestors[at] as StyledElement)) {
        this.#steps++;
        at--;
      }
      if (at-- < 0) return false;
    }
    return true;
  }

  #addRules(css: string, depth: number): void {
    let at = 0;
    while (at < css.length && this.#count < MAX_RULES) {
      const open = css.indexOf('{', at);
      if (open < 0) return;
      // What ends with a semicolon before it is a statement without a block: @import, @charset.
      const before = css.slice(at, open);
      const prelude = before.slice(before.lastIndexOf(';') + 1).trim();
      const close = closing(css, open);
      const block = css.slice(open + 1, close);
      at = close + 1;
      if (!prelude.startsWith('@')) this.#addRule(prelude, block);
      else if (depth < MAX_NESTING && applies(prelude)) this.#addRules(block, depth + 1);
    }
  }

  #addRule(selectors: string, block: string): void {
    const declarations = readDeclarations(block);
    if (declarations.length === 0) return;
    const paints = declarations.some(({ property }) => property.startsWith('background-'));
    const unknown: Declaration[] = [{ property: 'background-color', value: 'unknown', important: true }];
    for (const written of spelledOut(selectors)) {
      if (this.#count >= MAX_RULES) return;
      if (written.length > MAX_SELECTOR_CHARS) continue;
      const { selector, isPlain } = withoutOddities(usual(written.trim()));
      if (!isPlain && !paints) continue;
      const rule = readSelector(selector, isPlain ? declarations : unknown);
      if (!rule) continue;
      const key = keyOf(rule.compounds[0] as Compound);
      const list = this.#rules.get(key);
      if (list) list.push(rule);
      else this.#rules.set(key, [rule]);
      this.#count++;
    }
  }
}

/** The HTML comment marks in which sheets were once wrapped are no part of them. */
const unwrapped = (css: string): string => unescaped(css).replace(/<!--|-->/g, ' ');

/** Where the block ends that begins at `open`. Braces in a text of its own (`content: "}"`) do not count. */
function closing(css: string, open: number): number {
  let depth = 0;
  const braces = /[{}]|"[^"\n]{0,1000}"|'[^'\n]{0,1000}'/g;
  braces.lastIndex = open;
  for (let match = braces.exec(css); match; match = braces.exec(css)) {
    if (match[0].length > 1) continue;
    depth += match[0] === '{' ? 1 : -1;
    if (depth === 0) return match.index;
  }
  return css.length;
}

const applies = (prelude: string): boolean =>
  /^@(?:supports|layer|container)\b/i.test(prelude) ||
  (/^@media\b/i.test(prelude) && isForScreen(prelude.slice('@media'.length)));

/** Whether one of the media queries (Media Queries 4) holds for a wide window. */
function isForScreen(media: string): boolean {
  return media
    .toLowerCase()
    .split(',')
    .some((query) => query.split(/\band\b/).every(holds));
}

function holds(condition: string): boolean {
  const bare = condition.trim();
  if (/^(?:only )?(?:all|screen)$|^$/.test(bare)) return true;
  const match = /^\((min|max)-(?:device-)?width ?: ?([\d.]+)(px|em|rem)?\)$/.exec(bare);
  if (!match) return false;
  const px = Number.parseFloat(match[2] ?? '') * (match[3] === undefined || match[3] === 'px' ? 1 : 16);
  return match[1] === 'min' ? px <= WINDOW_PX : px >= WINDOW_PX;
}

function readSelector(selector: string, declarations: Declaration[]): Rule | null {
  const words = selector.replace(/\s*>\s*/g, ' > ').split(/\s+(?![^[]*\]|[^(]*\))/);
  const compounds: Compound[] = [];
  const isParent: boolean[] = [];
  let specificity = 0;
  let child = false;
  for (let i = words.length - 1; i >= 0; i--) {
    if (words[i] === '>') {
      child = true;
      continue;
    }
    const compound = readCompound(words[i] as string);
    if (!compound || compounds.length >= MAX_COMPOUNDS) return null;
    compounds.push(compound);
    isParent.push(child);
    child = false;
    const { id, classes, attributes, excluded, type } = compound;
    specificity +=
      (id === null ? 0 : 10_000) +
      (classes.length + attributes.length + excluded.length) * 100 +
      (type === null ? 0 : 1);
  }
  const around = compounds.slice(1).find(({ classes }) => classes.length > 0)?.classes[0] ?? null;
  return compounds.length === 0 ? null : { compounds, isParent, around, specificity, declarations };
}
