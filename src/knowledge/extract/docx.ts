// Word documents: the text, then diagrams, notes, comments, headers and footers, each once.
import type { ChunkSource } from './contract.ts';
import { OfficeText, skipsUnseen, type TextTarget } from './office-text.ts';
import { OfficePackage } from './ooxml.ts';
import { HIDDEN_TEXT, type Output } from './output.ts';
import type { Zip } from './zip.ts';

const BESIDE_THE_TEXT = ['diagramData', 'footnotes', 'endnotes', 'comments', 'header', 'footer'];
const MAX_PARTS = 200; // a header and a footer for each of many sections

/** @throws PosternError `document_broken`, `document_too_complex` and what unpacking throws */
export async function readDocx(zip: Zip, out: Output, source: ChunkSource): Promise<void> {
  const office = new OfficePackage(zip);
  const main = await office.mainPart('word/document.xml');
  const seen = new Set<string>();
  const target: TextTarget = {
    paragraph: (text) => out.paragraph(text, source),
    hidden: () => out.note(HIDDEN_TEXT),
    full: () => out.full,
  };
  await office.read(main, new OfficeText(target), skipsUnseen);
  const beside = (await office.relationships(main)).filter(({ type }) => BESIDE_THE_TEXT.includes(type));
  beside.sort((a, b) => BESIDE_THE_TEXT.indexOf(a.type) - BESIDE_THE_TEXT.indexOf(b.type));
  for (const { target: part } of beside.slice(0, MAX_PARTS)) {
    if (!office.has(part)) continue;
    // Sections repeat their headers: what was said is not said again.
    const once: TextTarget = {
      ...target,
      paragraph: (text) => {
        if (seen.has(text)) return;
        seen.add(text);
        out.paragraph(text, source);
      },
    };
    await office.read(part, new OfficeText(once), skipsUnseen);
  }
}
