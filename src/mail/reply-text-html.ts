// What the elements of an HTML mail say about quotes. Mail programs mark the original by classes and ids of their own,
// which tell more than the text does: in any language, and where no ">" is. The marks travel through the conversion to
// text as characters that no text holds (noncharacters, Unicode §23.7), and are taken out of the text behind it.

/** What a line of text made from HTML is, as its elements say; undefined where they say nothing. */
export type LineMark =
  | 'quoted'
  | 'attribution'
  | 'original'
  | 'forwarded'
  | 'signature'
  | 'indented'
  | undefined;

export interface MarkedElement {
  name: string;
  attributes: Record<string, string>;
  classes: ReadonlySet<string>;
}

const MARKS = ['quoted', 'attribution', 'original', 'forwarded', 'signature', 'indented'] as const;
const FIRST_SIGN = 0xfdd0;
const SIGNS = /[\ufdd0-\ufdd5]/g;
/** A sign counts where only the converter's own signs stand before it: quote marks, bullets, numbers of lists. */
const SIGN_OF_LINE = /^[\s>*|\d.)-]{0,60}([\ufdd0-\ufdd5])/;

const CLASSES: Readonly<Record<string, LineMark>> = {
  yahoo_quoted: 'quoted', // holds the attribution as well
  'front-blockquote': 'quoted',
  missive_quote: 'quoted',
  zmail_extra: 'quoted', // Zoho
  gmail_attr: 'attribution',
  'moz-cite-prefix': 'attribution', // Thunderbird
  'moz-forward-container': 'forwarded',
  'history-quote-wrapper': 'original', // Lark
  'lark-mail-quote': 'original',
  'ntes-mailmaster-quote': 'original', // NetEase
  xm_mail_oringinal_describe: 'original', // QQ on a phone, spelt so
  OutlookMessageHeader: 'original',
  gmail_signature: 'signature',
  gmail_signature_prefix: 'signature',
  'moz-signature': 'signature',
  protonmail_signature_block: 'signature',
  'front-signature': 'signature',
};
/** Ids, to which programs add numbers and prefixes of their own. */
const IDS: readonly [RegExp, LineMark][] = [
  [/^(?:x_)*divRplyFwdMsg$|^(?:x_)*divRpF\d*$/, 'original'], // Outlook
  [/^mail-editor-reference-message-container$/, 'original'],
  [/^lark-mail-quote/, 'original'],
  [/^isReplyContent$/, 'quoted'], // NetEase
  [/^isForwardContent$/, 'forwarded'],
  [/yahoo_quoted/, 'quoted'],
  [/^AppleMailSignature$|^ms-outlook-mobile-signature$|^(?:x_)*Signature$/, 'signature'],
  [/^ntes-pc\w+-signature|^Zm-_Id_-Sgn/, 'signature'],
];
const NAMES: Readonly<Record<string, LineMark>> = {
  messageReplySection: 'quoted', // Spark
  messageSignatureSection: 'signature',
};

/** Outlook and Foxmail draw a line above the headers of the original: the only sign of it. */
const OUTLOOK_RULE = /border-top:\s*solid\s+#(?:E1E1E1|B5C4DF)\b.{0,20}padding:\s*3/i;
const MAX_ATTRIBUTE_CHARS = 500;

/**
 * The mark of the text inside of an element, of which the one around it is known. Quotes and forwarded mails hold for all
 * that is in them; a signature or a text that is set in may still hold a quote.
 */
export function markOf(element: MarkedElement, around: LineMark): LineMark {
  if (around === 'quoted' || around === 'forwarded' || around === 'original') return around;
  return ownMark(element) ?? around;
}

function ownMark({ name, attributes, classes }: MarkedElement): LineMark {
  if (name === 'blockquote') return isCitation(attributes, classes) ? 'quoted' : 'indented';
  for (const value of classes) {
    if (Object.hasOwn(CLASSES, value)) return CLASSES[value];
  }
  const { id, style } = attributes;
  if (id !== undefined && id.length <= MAX_ATTRIBUTE_CHARS) {
    for (const [pattern, mark] of IDS) if (pattern.test(id)) return mark;
  }
  if (attributes.name !== undefined && Object.hasOwn(NAMES, attributes.name)) return NAMES[attributes.name];
  if (style !== undefined && style.length <= MAX_ATTRIBUTE_CHARS && OUTLOOK_RULE.test(style))
    return 'original';
  return undefined;
}

/** Many programs set text in by a blockquote: a citation says so, or has the line at its side. */
function isCitation(attributes: Record<string, string>, classes: ReadonlySet<string>): boolean {
  if (attributes.type?.toLowerCase() === 'cite' || attributes.cite !== undefined) return true;
  const named = `${[...classes].join(' ')} ${attributes.id ?? ''}`.slice(0, MAX_ATTRIBUTE_CHARS);
  if (/quote|cite|reply|original/i.test(named)) return true;
  const style = (attributes.style ?? '').slice(0, MAX_ATTRIBUTE_CHARS);
  const side = /border-(?:left|inline-start)(?:-width)?:\s*([^;]{0,60})/i.exec(style)?.[1];
  return side !== undefined && !/^(?:none|0(?:px|pt)?)\b/i.test(side);
}

/** The sign of a mark, to stand before the first letter of a text; empty where there is none. */
export const signOf = (mark: LineMark): string =>
  mark === undefined ? '' : String.fromCharCode(FIRST_SIGN + MARKS.indexOf(mark));

/** Text of a mail must not hold the signs itself. */
export const withoutSigns = (text: string): string => text.replace(SIGNS, '');

/** Takes the signs out of a text. `marks` has an entry for every line; it is empty where there are no signs. */
export function readMarks(signed: string): { text: string; marks: LineMark[] } {
  const text = withoutSigns(signed);
  if (text.length === signed.length) return { text, marks: [] };
  const marks = signed.split('\n').map((line): LineMark => {
    const sign = SIGN_OF_LINE.exec(line)?.[1];
    return sign === undefined ? undefined : MARKS[sign.charCodeAt(0) - FIRST_SIGN];
  });
  return { text, marks };
}
