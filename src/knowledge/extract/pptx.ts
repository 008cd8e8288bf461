// Presentations: the slides in their order, each with its diagrams and its notes.
import type { ChunkSource } from './contract.ts';
import { OfficeText, skipsUnseen, type TextTarget } from './office-text.ts';
import { isOn, OfficePackage, relationId } from './ooxml.ts';
import type { Output } from './output.ts';
import type { Zip } from './zip.ts';

const MAX_SLIDES = 5000;
const MAX_DIAGRAMS = 50; // on one slide

/** @throws PosternError `document_broken`, `document_too_complex` and what unpacking throws */
export async function readPptx(zip: Zip, out: Output, source: ChunkSource): Promise<void> {
  const office = new OfficePackage(zip);
  const main = await office.mainPart('ppt/presentation.xml');
  const ids: string[] = [];
  await office.read(main, {
    open: (name, attributes) => {
      if (name === 'sldId' && ids.length < MAX_SLIDES) ids.push(relationId(attributes));
    },
  });
  const parts = new Map((await office.relationships(main)).map(({ id, target }) => [id, target]));
  let slide = 0;
  for (const id of ids) {
    slide++;
    const part = parts.get(id);
    if (out.full) return;
    if (part === undefined || !office.has(part)) {
      out.note(`Slide ${slide} is missing in the file.`);
      continue;
    }
    await readSlide(office, part, out, { ...source, slide });
  }
}

async function readSlide(
  office: OfficePackage,
  part: string,
  out: Output,
  source: ChunkSource,
): Promise<void> {
  let isHidden = false;
  const target: TextTarget = {
    paragraph: (text) => {
      if (!isHidden) out.paragraph(text, source);
    },
    hidden: () => undefined,
    full: () => out.full,
  };
  const text = new OfficeText(target);
  await office.read(
    part,
    {
      open: (name, attributes, parent) => {
        if (name === 'sld') isHidden = attributes.show !== undefined && !isOn(attributes.show);
        text.open(name, attributes, parent);
      },
      text: (words, parent) => text.text(words, parent),
      close: (name) => text.close(name),
      done: () => isHidden || text.done(),
    },
    skipsUnseen,
  );
  if (isHidden) {
    out.note(`Slide ${source.slide} is hidden and was left out.`);
    return;
  }
  const relations = await office.relationships(part);
  const beside = [
    ...relations.filter(({ type }) => type === 'diagramData').slice(0, MAX_DIAGRAMS),
    ...relations.filter(({ type }) => type === 'notesSlide').slice(0, 1),
  ];
  for (const { target: name } of beside) {
    if (office.has(name)) await office.read(name, new OfficeText(target), skipsUnseen);
  }
}
