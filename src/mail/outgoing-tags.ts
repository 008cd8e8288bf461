// The tags of HTML that leaves: an element's name, where a link leads, and what is neither seen nor fetched of its looks.

const MAX_STYLE_CHARS = 2_000;
/** Properties that hide nothing and fetch nothing, each with the values it may have. */
const STYLES = new Map<string, RegExp>([
  ['font-weight', /^(?:bold|bolder|normal|[1-9]00)$/],
  ['font-style', /^(?:italic|oblique|normal)$/],
  ['text-decoration', /^(?:underline|line-through|none)$/],
  ['text-align', /^(?:left|right|center|justify)$/],
  ['vertical-align', /^(?:top|middle|bottom|baseline|sub|super)$/],
  ['white-space', /^(?:pre|pre-wrap|normal)$/],
]);
const NUMBERS = new Map([
  ['colspan', /^[1-9]\d?$/],
  ['rowspan', /^[1-9]\d?$/],
  ['start', /^\d{1,6}$/],
]);

/** A tag with the attributes that may stay. @param href of a link, null for anything else */
export function tagOf(name: string, attributes: Record<string, string>, href: string | null): string {
  let tag = `<${name}`;
  if (href !== null) tag += ` href="${escapeText(href)}"`;
  for (const [attribute, value] of Object.entries(attributes)) {
    if (NUMBERS.get(attribute)?.test(value)) tag += ` ${attribute}="${value}"`;
  }
  const style = stylesOf(attributes.style ?? '');
  return style === '' ? `${tag}>` : `${tag} style="${style}">`;
}

/** A picture that lies beside the HTML. */
export function pictureTag(contentId: string, alt: string, width?: string, height?: string): string {
  const sizes = Object.entries({ width, height }).filter(
    ([, value]) => value && /^[1-9]\d{0,3}$/.test(value),
  );
  const written = sizes.map(([name, value]) => ` ${name}="${value}"`).join('');
  return `<img src="cid:${escapeText(contentId)}" alt="${escapeText(alt)}"${written}>`;
}

function stylesOf(written: string): string {
  const kept: string[] = [];
  for (const declaration of written.slice(0, MAX_STYLE_CHARS).split(';')) {
    const colon = declaration.indexOf(':');
    const [property, value] = [declaration.slice(0, colon), declaration.slice(colon + 1)].map((word) =>
      word.trim().toLowerCase(),
    );
    if (property && value && STYLES.get(property)?.test(value)) kept.push(`${property}:${value}`);
  }
  return kept.join(';');
}

const ESCAPES: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };
export const escapeText = (text: string): string => text.replace(/[&<>"]/g, (char) => ESCAPES[char] ?? char);
