// Reading XML inside of documents, piece by piece: the one door of htmlparser2 here. Nothing is declared, fetched or
// expanded: of entities only the five of XML and characters by number are known, and a document that brings its own is
// refused, as its formats forbid (ISO/IEC 29500-2 §8.1.4).
import { Parser } from 'htmlparser2';
import { refuse } from './budget.ts';

const MAX_DEPTH = 256; // word processors reach 60, with tables in text boxes in tables

/** Names come without their prefix: files differ in what they call a namespace, and no two names here mean different things. */
export interface XmlReader {
  open?(name: string, attributes: Attributes, parent: string): void;
  text?(text: string, parent: string): void;
  close?(name: string): void;
  /** True once nothing more is wanted. */
  done?(): boolean;
}

export type Attributes = Readonly<Record<string, string>>;

/** Elements whose content is passed over, with all that is in them. */
export type Skips = (name: string, attributes: Attributes) => boolean;

/** @throws PosternError `document_too_complex` for nesting, `document_broken` for entities; what `source` throws */
export async function readXml(
  source: AsyncIterable<Buffer>,
  reader: XmlReader,
  skips: Skips = () => false,
): Promise<void> {
  const open: string[] = [];
  let skippedAt = 0; // the depth at which a skipped element began
  const parser = new Parser(
    {
      onopentag(tag, attributes) {
        const name = localName(tag);
        const parent = open.at(-1) ?? '';
        open.push(name);
        if (open.length > MAX_DEPTH) {
          throw refuse('document_too_complex', `Its XML nests more than ${MAX_DEPTH} elements.`);
        }
        if (skippedAt > 0) return;
        if (skips(name, attributes)) skippedAt = open.length;
        else reader.open?.(name, attributes, parent);
      },
      ontext(text) {
        if (skippedAt === 0) reader.text?.(text, open.at(-1) ?? '');
      },
      onclosetag() {
        const name = open.at(-1) ?? '';
        if (skippedAt === 0) reader.close?.(name);
        else if (skippedAt === open.length) skippedAt = 0;
        open.pop();
      },
      onprocessinginstruction(name, data) {
        if (/^!(?:entity|doctype)/i.test(name) && /\[|entity/i.test(data)) {
          throw refuse('document_broken', 'Its XML declares entities, which documents may not.');
        }
      },
    },
    { xmlMode: true, decodeEntities: true },
  );
  let decoder: InstanceType<typeof TextDecoder> | undefined;
  for await (const piece of source) {
    decoder ??= new TextDecoder(charsetOf(piece));
    parser.write(decoder.decode(piece, { stream: true }));
    if (reader.done?.()) return;
  }
  if (decoder) parser.write(decoder.decode());
  parser.end();
}

/** The value of an attribute whatever its prefix; `prefixed` asks for one with a prefix, such as `r:id` beside `id`. */
export function attribute(attributes: Attributes, name: string, prefixed = false): string | undefined {
  if (!prefixed && Object.hasOwn(attributes, name)) return attributes[name];
  for (const key in attributes) {
    if (key.length > name.length && key.endsWith(name) && key[key.length - name.length - 1] === ':') {
      return attributes[key];
    }
  }
  return undefined;
}

/** UTF-8, or UTF-16 by its mark (XML 1.0 Appendix F); documents use no other. */
function charsetOf(first: Buffer): string {
  if (first[0] === 0xff && first[1] === 0xfe) return 'utf-16le';
  if (first[0] === 0xfe && first[1] === 0xff) return 'utf-16be';
  return 'utf-8';
}

const localName = (tag: string): string => {
  const colon = tag.indexOf(':');
  return colon < 0 ? tag : tag.slice(colon + 1);
};
