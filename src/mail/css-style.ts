// Declarations of styles (CSS 2.2 §4.1.8): of all that a style may say, what decides whether text is seen. Shorthands are
// written out, so that the later of two declarations wins as it does in a browser.
import { readColor } from './css-color.ts';
import { lengthOf } from './css-length.ts';

export interface Declaration {
  property: string;
  /** In lower case, without comments, escapes and `!important`. */
  value: string;
  important: boolean;
}

const PLAIN = new Set([
  ...['display', 'visibility', 'opacity', 'font-size', 'color', 'background-color', 'background-image'],
  ...['position', 'left', 'right', 'top', 'bottom', 'text-indent', 'margin-left', 'margin-top', 'overflow'],
  ...['height', 'max-height', 'width', 'max-width', 'mso-hide', 'transform', 'scale', 'clip', 'clip-path'],
  ...['content-visibility', '-webkit-text-fill-color', 'filter', 'zoom'],
]);
const SHORTHANDS = new Set([
  'font',
  'background',
  'overflow-x',
  'overflow-y',
  'inset',
  'margin',
  '-webkit-transform',
]);

const MAX_VALUE_CHARS = 1000; // what is longer is a picture inside of the style
/** A picture or a gradient among the words of a background. */
const IMAGE =
  /(?:^| )(?:url|image-set|-webkit-image-set|(?:-[a-z]{1,6}-)?(?:repeating-)?[a-z]{1,8}-gradient)\(/;

/** @param text what stands in a style attribute, or between the braces of a rule */
export function readDeclarations(text: string): Declaration[] {
  const declarations: Declaration[] = [];
  for (const piece of unescaped(text).split(';')) {
    const colon = piece.indexOf(':');
    if (colon <= 0) continue;
    const property = piece.slice(0, colon).trim().toLowerCase();
    if (!PLAIN.has(property) && !SHORTHANDS.has(property) && !property.startsWith('--')) continue;
    const written = piece
      .slice(colon + 1)
      .toLowerCase()
      .replace(/\s+/g, ' ')
      .trim();
    const important = /! ?important$/.test(written);
    const value = written.replace(/ ?! ?important$/, '');
    if (value === '') continue;
    if (value.length > MAX_VALUE_CHARS && !IMAGE.test(value.slice(0, MAX_VALUE_CHARS))) continue;
    for (const [name, part] of writtenOut(property, value)) {
      if (isUnderstood(name, part)) declarations.push({ property: name, value: part, important });
    }
  }
  return declarations;
}

/** Browsers pass over a declaration that says nothing, and what was said before it holds: so does it here. */
function isUnderstood(property: string, value: string): boolean {
  if (EVERYWHERE.test(value) || value.includes('var(')) return true;
  switch (property) {
    case 'display':
      return DISPLAYS.test(value);
    case 'visibility':
      return /^(?:visible|hidden|collapse)$/.test(value);
    case 'opacity':
      return !Number.isNaN(lengthOf(value, 1));
    case 'font-size':
      return FONT_SIZES.test(value) || lengthOf(value, 1) >= 0;
    case 'color':
    case '-webkit-text-fill-color':
      // A function that is not known here may not be known to the reader's program either.
      return value === 'currentcolor' || readColor(value) !== null;
    case 'background-color':
      return value.includes('(') || readColor(value) !== null;
    default:
      return true;
  }
}

const EVERYWHERE = /^(?:inherit|initial|unset|revert|revert-layer)$/;
const DISPLAYS =
  /^(?:none|block|inline|flex|grid|contents|flow|list-item|flow-root|run-in|(?:inline-|table-|ruby-|-webkit-|-moz-|-ms-)[a-z-]+|table|ruby|math)(?: [a-z -]+)?$/;
const FONT_SIZES = /^(?:(?:xx?-)?small|medium|(?:x{1,3}-)?large|smaller|larger|math)$/;

/** Without comments and escapes, by which `disp\6c ay` is `display`. */
export function unescaped(css: string): string {
  const bare = withoutComments(css);
  if (!bare.includes('\\')) return bare;
  return bare.replace(
    /\\([\da-f]{1,6})\s?|\\(.)/gi,
    (_, hex: string | undefined, char: string | undefined) => {
      const code = hex === undefined ? 0 : Number.parseInt(hex, 16);
      if (hex === undefined) return char ?? '';
      return code > 0 && code <= 0x10ffff ? String.fromCodePoint(code) : '';
    },
  );
}

function withoutComments(css: string): string {
  let kept = '';
  let at = 0;
  for (let open = css.indexOf('/*'); open >= 0; open = css.indexOf('/*', at)) {
    kept += css.slice(at, open);
    const close = css.indexOf('*/', open + 2);
    if (close < 0) return kept; // one that is left open goes to the end
    at = close + 2;
  }
  return kept + css.slice(at);
}

const OTHER_WORDS =
  /^(?:none|center|top|bottom|left|right|(?:no-)?repeat(?:-[xy])?|space|round|fixed|scroll|local|cover|contain|auto|[a-z]+-box|text|\/|[+-]?[\d.]+[a-z%]*)$/;

/** The colour among the words of a background; see-through where it names none. */
function paintIn(words: string): string {
  if (words.includes('(') || EVERYWHERE.test(words)) return words;
  const all = words.split(/ |(?<=\/)|(?=\/)/).filter((word) => word !== '' && !OTHER_WORDS.test(word));
  return all.length === 0 ? 'transparent' : all.join(' ');
}

function writtenOut(property: string, value: string): [string, string][] {
  switch (property) {
    case 'font': {
      const size =
        /(?:^|\s)([\d.]+(?:px|pt|em|rem|%|ex|vw|vh)?|(?:xx?-)?small|medium|(?:xx?-)?large)(?=\/|\s|$)/.exec(
          // The weight is a number of its own: 400 12px Arial.
          value.replace(/(?:^|\s)[1-9]00(?=\s)/g, ' '),
        )?.[1];
      return size === undefined ? [] : [['font-size', size]];
    }
    case 'background': {
      const at = value.slice(0, MAX_VALUE_CHARS).search(IMAGE);
      const end = value.lastIndexOf(')') + 1;
      const color = (at < 0 ? value : `${value.slice(0, at)} ${value.slice(Math.max(at, end))}`).trim();
      return [
        ['background-color', paintIn(color.slice(0, MAX_VALUE_CHARS))],
        ['background-image', at < 0 ? 'none' : value.slice(at, Math.min(end, MAX_VALUE_CHARS))],
      ];
    }
    case 'overflow-x':
    case 'overflow-y':
      return [['overflow', value]];
    case '-webkit-transform':
      return [['transform', value]];
    case 'inset':
    case 'margin': {
      const [top = '', right = top, bottom = top, left = right] = value.split(' ');
      if (property === 'margin') {
        return [
          ['margin-top', top],
          ['margin-left', left],
        ];
      }
      return [
        ['top', top],
        ['right', right],
        ['bottom', bottom],
        ['left', left],
      ];
    }
    default:
      return [[property, value]];
  }
}
