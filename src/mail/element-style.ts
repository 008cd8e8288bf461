// How an element of an HTML mail is shown, from its own style, the sheet and what it inherits; and why text in it is not
// seen, where it is not.
import type { HiddenKind } from '../contracts/mail.ts';
import {
  BLACK,
  blend,
  type Color,
  colorsIn,
  isNear,
  isUnseen,
  LINK_BLUE,
  readColor,
  WHITE,
} from './css-color.ts';
import { lengthOf, WINDOW_PX } from './css-length.ts';
import type { Declaration } from './css-style.ts';
import type { StyledElement } from './style-selector.ts';
import type { StyleSheet } from './style-sheet.ts';

export interface ElementStyle {
  /** Why nothing in the element is seen, whatever its children say; null where it may be seen. */
  hidden: HiddenKind | null;
  isInvisible: boolean;
  fontPx: number;
  opacity: number;
  /** Null: a colour that cannot be told. */
  color: Color | null;
  background: Color | null;
  /** An Outlook on Windows leaves it out, and every other program shows it. */
  isNotForOutlook: boolean;
  /** Custom properties (CSS Variables 1) by their names. */
  variables: ReadonlyMap<string, string>;
}

const UNREADABLE_PX = 2; // nobody reads letters of two pixels
const FAINTEST_OPACITY = 0.1;
const FAR_AWAY_PX = 900;
const THINNEST_BOX_PX = 1; // what is only for screen readers is clipped to one pixel
const FONT_WORDS: Record<string, number> = {
  ...{ 'xx-small': 9, 'x-small': 10, small: 13, medium: 16, large: 18 },
  ...{ 'x-large': 24, 'xx-large': 32, smaller: 13, larger: 19, initial: 16 },
};
const PASSED_ON = /^(?:inherit|unset|revert|revert-layer)$/;

/** What surrounds the mail: black on white, as programs show it that say nothing else. */
export const PAGE: ElementStyle = {
  hidden: null,
  isInvisible: false,
  fontPx: 16,
  opacity: 1,
  color: BLACK,
  background: WHITE,
  isNotForOutlook: false,
  variables: new Map(),
};

/** @param ancestors the nearest last */
export function styleOf(
  element: StyledElement,
  ancestors: readonly StyledElement[],
  parent: ElementStyle,
  sheet: StyleSheet,
): ElementStyle {
  if (parent.hidden !== null) return parent;
  const byAttribute = isHiddenByAttribute(element);
  const style = cascaded(element, ancestors, sheet);
  const variables = variablesOf(style, parent.variables);
  const said = (property: string): string => resolved(style.get(property) ?? '', variables);
  const hidden = byAttribute ? 'attribute' : null;
  if (style.size === 0 && hidden === null && element.name !== 'a') return parent;

  const opacity = parent.opacity * opacityOf(said('opacity'), said('filter'));
  const fontPx = fontSize(said('font-size'), parent.fontPx);
  const visibility = said('visibility');
  const background = backgroundOf(said('background-color'), said('background-image'), parent.background);
  return {
    hidden: hidden ?? hidingOf(said, fontPx, opacity),
    isInvisible: visibility === '' || PASSED_ON.test(visibility) ? parent.isInvisible : isOff(visibility),
    fontPx,
    opacity,
    color: colorOf(element, said('-webkit-text-fill-color') || said('color'), parent.color),
    background,
    isNotForOutlook: parent.isNotForOutlook || said('mso-hide') === 'all',
    variables,
  };
}

/** Hidden, or only shown once a script says so. */
function isHiddenByAttribute({ name, attributes }: StyledElement): boolean {
  const has = (attribute: string): boolean => Object.hasOwn(attributes, attribute);
  if (has('hidden') || has('popover')) return true;
  return attributes['aria-hidden']?.toLowerCase() === 'true' || (name === 'dialog' && !has('open'));
}

/** Why text of this style is not seen; null where it is. */
export function whyUnseen(style: ElementStyle): HiddenKind | null {
  if (style.hidden !== null) return style.hidden;
  if (style.isInvisible) return 'visibility';
  if (style.fontPx <= UNREADABLE_PX) return 'font-size';
  const { color, background } = style;
  if (color !== null && color.alpha < FAINTEST_OPACITY) return 'color';
  return color !== null && background !== null && isUnseen(color, background) ? 'color' : null;
}

/** The value that wins for every property that is said (CSS Cascading 4 §6). */
function cascaded(
  element: StyledElement,
  ancestors: readonly StyledElement[],
  sheet: StyleSheet,
): Map<string, string> {
  const { attributes } = element;
  const style = new Map<string, string>();
  // Attributes for looks are the weakest (HTML §15.2).
  for (const [attribute, property] of PRESENTATIONAL) {
    const value = attributes[attribute];
    if (value !== undefined && (attribute !== 'color' || element.name === 'font'))
      style.set(property, legacy(value));
  }
  if (attributes.background !== undefined) style.set('background-image', 'url()');
  const declarations = sheet.declarationsFor(element, ancestors);
  const own: Declaration[] = attributes.style === undefined ? [] : sheet.declarationsIn(attributes.style);
  for (const important of [false, true]) {
    for (const list of [declarations, own]) {
      for (const declaration of list) {
        if (declaration.important === important) style.set(declaration.property, declaration.value);
      }
    }
  }
  return style;
}

const PRESENTATIONAL = [
  ['bgcolor', 'background-color'],
  ['text', 'color'],
  ['color', 'color'],
] as const;

/** Attributes take colours without their `#` too. */
const legacy = (value: string): string =>
  /^[\da-f]{6}$/i.test(value.trim()) ? `#${value.trim()}` : value.trim().toLowerCase();

const MAX_VARIABLES = 200; // each element hands them on
const MAX_RESOLVED_CHARS = 1000;
const MAX_ROUNDS = 5; // a variable may be made of others

function variablesOf(
  style: ReadonlyMap<string, string>,
  inherited: ReadonlyMap<string, string>,
): ReadonlyMap<string, string> {
  let own: Map<string, string> | undefined;
  for (const [name, value] of style) {
    if (!name.startsWith('--')) continue;
    own ??= new Map(inherited);
    if (own.size < MAX_VARIABLES || own.has(name)) own.set(name, value);
  }
  return own ?? inherited;
}

/** Where a variable is not known, what stands behind its comma. */
function resolved(written: string, variables: ReadonlyMap<string, string>): string {
  let value = written;
  for (let round = 0; round < MAX_ROUNDS && value.includes('var('); round++) {
    value = value
      .replace(
        /var\( ?(--[\w-]+) ?(?:,([^()]*(?:\([^()]*\))?[^()]*))?\)/g,
        (_, name: string, instead: string | undefined) => variables.get(name) ?? instead?.trim() ?? 'unset',
      )
      .slice(0, MAX_RESOLVED_CHARS);
  }
  return value;
}

type Said = (property: string) => string;

function hidingOf(said: Said, fontPx: number, opacity: number): HiddenKind | null {
  if (said('display') === 'none' || said('content-visibility') === 'hidden') return 'display';
  if (opacity < FAINTEST_OPACITY) return 'opacity';
  if (/^0?\.?0\d*(?:%|$)/.test(said('zoom'))) return 'font-size';
  if (isClipped(said, fontPx)) return 'clipped';
  return isFarAway(said, fontPx) ? 'off-screen' : null;
}

const isOff = (visibility: string): boolean => visibility === 'hidden' || visibility === 'collapse';

function opacityOf(opacity: string, filter: string): number {
  const filtered = /opacity\(([^()]{1,20})\)/.exec(filter)?.[1]?.trim() ?? '1';
  const [own, through] = [lengthOf(opacity, 1), lengthOf(filtered, 1)];
  return (Number.isNaN(own) ? 1 : Math.min(1, Math.max(0, own))) * (Number.isNaN(through) ? 1 : through);
}

function fontSize(written: string, inherited: number): number {
  const word = FONT_WORDS[written];
  if (word !== undefined) return word;
  const px = lengthOf(written, inherited);
  return Number.isNaN(px) || px < 0 ? inherited : px;
}

/** A box of no size hides what is in it only if it also cuts it off. */
function isClipped(said: Said, fontPx: number): boolean {
  const cuts = /^(?:hidden|clip|auto|scroll)/.test(said('overflow'));
  const sizes = ['height', 'max-height', 'width', 'max-width'];
  if (cuts && sizes.some((property) => lengthOf(said(property), fontPx) <= THINNEST_BOX_PX)) return true;
  const indent = said('text-indent');
  if (cuts && (lengthOf(indent, fontPx) >= FAR_AWAY_PX || /^[1-9]\d{2,}(?:\.\d+)?%$/.test(indent)))
    return true;
  const path = said('clip-path');
  if (/^circle\(0[a-z%]*[ )]|^inset\((?:100|[5-9]\d)%/.test(path)) return true;
  const positioned = /^(?:absolute|fixed)$/.test(said('position'));
  return positioned && /^rect\((?:[01](?:px)?[ ,]*){4}\)$/.test(said('clip'));
}

/** Moved out of the page, or made nothing of. */
function isFarAway(said: Said, fontPx: number): boolean {
  const far = (property: string): boolean => lengthOf(said(property), fontPx) <= -FAR_AWAY_PX;
  if (far('text-indent') || far('margin-left') || far('margin-top')) return true;
  if (/^(?:absolute|fixed|relative)$/.test(said('position'))) {
    const edges = ['left', 'top', 'right', 'bottom'];
    if (edges.some(far)) return true;
    // To the other side: the page would grow by a scroll bar, which mail programs do not show.
    if (edges.some((edge) => lengthOf(said(edge), fontPx) >= WINDOW_PX * 2)) return true;
  }
  const transform = said('transform');
  if (/\bscale[xy]?\( ?0?\.?0+ ?[,)]/.test(transform) || /^0?\.?0+$/.test(said('scale'))) return true;
  const moved = /\btranslate(?:x|y|3d)?\( ?(-?[\d.]+[a-z%]*)(?: ?, ?(-?[\d.]+[a-z%]*))?/.exec(transform);
  return [moved?.[1], moved?.[2]].some(
    (by) => by !== undefined && Math.abs(lengthOf(by, fontPx)) >= FAR_AWAY_PX,
  );
}

function colorOf(element: StyledElement, written: string, inherited: Color | null): Color | null {
  const isLink = element.name === 'a' && element.attributes.href !== undefined;
  if (written === '') return isLink ? LINK_BLUE : inherited;
  if (PASSED_ON.test(written) || written === 'currentcolor') return inherited;
  return written === 'initial' ? BLACK : (readColor(written) ?? inherited);
}

function backgroundOf(color: string, image: string, behind: Color | null): Color | null {
  if (image !== '' && image !== 'none' && !PASSED_ON.test(image) && image !== 'initial') {
    const [first, ...others] = image.includes('gradient(') ? colorsIn(image) : [];
    const isOne = first && others.every((other) => other !== null && isNear(first, other));
    return isOne && behind !== null ? blend(first, behind) : null; // of a picture nobody knows what it shows
  }
  if (color === '' || PASSED_ON.test(color) || color === 'initial' || color === 'none') return behind;
  const own = readColor(color.split(/ (?![^(]*\))/)[0] ?? '') ?? firstColor(color);
  if (own === null) return null;
  if (own.alpha >= 1) return own;
  if (own.alpha <= 0) return behind;
  return behind === null ? null : blend(own, behind);
}

/** A background's colour among its other words. */
const firstColor = (written: string): Color | null =>
  colorsIn(written).find((color) => color !== null) ?? null;
