// The package around Office documents (ISO/IEC 29500-2): parts in a ZIP file, and relationships that say which part is
// what to which.
import { posix } from 'node:path';
import { refuse } from './budget.ts';
import { attribute, readXml, type Skips, type XmlReader } from './xml.ts';
import type { Member, Zip } from './zip.ts';

const MAX_RELATIONSHIPS = 20_000; // of one part: a long text with a link in every line

export interface Relationship {
  id: string;
  /** The last word of its type, such as `worksheet`: Microsoft and ISO differ in what stands before. */
  type: string;
  /** The name of the part. */
  target: string;
}

export class OfficePackage {
  readonly #zip: Zip;

  constructor(zip: Zip) {
    this.#zip = zip;
  }

  has(part: string): boolean {
    return this.#find(part) !== undefined;
  }

  /** @throws PosternError `document_broken` where the part is missing, and what `readXml` throws */
  async read(part: string, reader: XmlReader, skips?: Skips): Promise<void> {
    const member = this.#find(part);
    if (!member) throw refuse('document_broken', `Its part ${part.slice(0, 100)} is missing.`);
    await readXml(this.#zip.unpack(member), reader, skips);
  }

  /** What a part refers to inside of the package; `''` for the package itself. None where there are none. */
  async relationships(part: string): Promise<Relationship[]> {
    const folder = posix.dirname(part);
    const name = part === '' ? '_rels/.rels' : posix.join(folder, '_rels', `${posix.basename(part)}.rels`);
    const found: Relationship[] = [];
    if (!this.has(name)) return found;
    await this.read(name, {
      open: (element, attributes) => {
        if (element !== 'Relationship' || attributes.TargetMode === 'External') return;
        const { Id: id, Type: type, Target: target } = attributes;
        if (id === undefined || type === undefined || target === undefined) return;
        found.push({ id, type: type.slice(type.lastIndexOf('/') + 1), target: partName(folder, target) });
      },
      done: () => found.length >= MAX_RELATIONSHIPS,
    });
    return found;
  }

  /** The part that is the document: what the package says, or where programs put it. */
  async mainPart(usual: string): Promise<string> {
    const main = (await this.relationships('')).find(({ type }) => type === 'officeDocument')?.target;
    return main !== undefined && this.has(main) ? main : usual;
  }

  /** Part names are equal whatever their case (ISO/IEC 29500-2 §6.3.5), but nearly always equal as they stand. */
  #find(part: string): Member | undefined {
    const exact = this.#zip.member(part);
    if (exact) return exact;
    const lower = part.toLowerCase();
    return this.#zip.members.find(({ name }) => name.toLowerCase() === lower);
  }
}

function partName(folder: string, target: string): string {
  const path = target.startsWith('/') ? target : posix.join('/', folder, target);
  return posix.normalize(path).slice(1);
}

/** Whether a switch of Office XML is on: present without a value, or with a true one. */
export const isOn = (value: string | undefined): boolean =>
  value === undefined || !['0', 'false', 'off', 'none'].includes(value);

export const relationId = (attributes: Readonly<Record<string, string>>): string =>
  attribute(attributes, 'id', true) ?? '';
