// Word documents, workbooks and presentations, as Office writes them, as far as text goes.
import { type ZipEntry, zip } from './zip-writer.ts';

const HEAD = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n';
const RELATIONS = 'http://schemas.openxmlformats.org/officeDocument/2006/relationships';
const PACKAGE = 'http://schemas.openxmlformats.org/package/2006';
const W = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"';
const MC = 'xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006"';
const S = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"';
const R = `xmlns:r="${RELATIONS}"`;
const P = 'xmlns:p="http://schemas.openxmlformats.org/presentationml/2006/main"';
const A = 'xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main"';

export const escapeXml = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');

export type Relation = readonly [id: string, type: string, target: string];

export const relations = (list: readonly Relation[]): string =>
  `${HEAD}<Relationships xmlns="${PACKAGE}/relationships">${list
    .map(([id, type, target]) => `<Relationship Id="${id}" Type="${RELATIONS}/${type}" Target="${target}"/>`)
    .join('')}</Relationships>`;

function packed(main: string, mainType: string, parts: readonly ZipEntry[]): Buffer {
  const types = `${HEAD}<Types xmlns="${PACKAGE}/content-types"><Default Extension="xml" ContentType="application/xml"/><Override PartName="/${main}" ContentType="application/vnd.openxmlformats-officedocument.${mainType}.main+xml"/></Types>`;
  return zip([
    { name: '[Content_Types].xml', data: types },
    { name: '_rels/.rels', data: relations([['rId1', 'officeDocument', main]]) },
    ...parts,
  ]);
}

export const wordText = (text: string): string =>
  `<w:p><w:r><w:t xml:space="preserve">${escapeXml(text)}</w:t></w:r></w:p>`;

/** A document with this body; `parts` are added, with relations from the document. */
export function docx(body: string, beside: readonly { type: string; xml: string }[] = []): Buffer {
  const document = `${HEAD}<w:document ${W} ${MC} ${A}><w:body>${body}</w:body></w:document>`;
  return packed('word/document.xml', 'wordprocessingml.document', [
    { name: 'word/document.xml', data: document },
    {
      name: 'word/_rels/document.xml.rels',
      data: relations(beside.map(({ type }, index) => [`rId${index + 1}`, type, `beside${index}.xml`])),
    },
    ...beside.map(({ xml }, index) => ({
      name: `word/beside${index}.xml`,
      data: `${HEAD}<w:beside ${W}>${xml}</w:beside>`,
    })),
  ]);
}

export interface SheetFixture {
  name: string;
  /** What stands in `sheetData`. */
  rows: string;
  state?: 'hidden' | 'veryHidden';
  /** What stands in `commentList`. */
  comments?: string;
}

export interface WorkbookFixture {
  sheets: readonly SheetFixture[];
  strings?: readonly string[];
  /** What stands in `sst`, instead of `strings`. */
  sst?: string;
  styles?: string;
  date1904?: boolean;
}

export function xlsx({ sheets, strings = [], sst, styles = '', date1904 = false }: WorkbookFixture): Buffer {
  const list = sheets.map(
    ({ name, state }, index) =>
      `<sheet name="${escapeXml(name)}" sheetId="${index + 1}"${state ? ` state="${state}"` : ''} r:id="rId${index + 1}"/>`,
  );
  const shared = sst ?? strings.map((text) => `<si><t>${escapeXml(text)}</t></si>`).join('');
  return packed('xl/workbook.xml', 'spreadsheetml.sheet', [
    {
      name: 'xl/workbook.xml',
      data: `${HEAD}<workbook ${S} ${R}><workbookPr${date1904 ? ' date1904="1"' : ''}/><sheets>${list.join('')}</sheets></workbook>`,
    },
    {
      name: 'xl/_rels/workbook.xml.rels',
      data: relations([
        ...sheets.map(
          (_, index): Relation => [`rId${index + 1}`, 'worksheet', `worksheets/sheet${index + 1}.xml`],
        ),
        ['rId9001', 'sharedStrings', 'sharedStrings.xml'],
        ['rId9002', 'styles', '/xl/styles.xml'],
      ]),
    },
    { name: 'xl/sharedStrings.xml', data: `${HEAD}<sst ${S}>${shared}</sst>` },
    { name: 'xl/styles.xml', data: `${HEAD}<styleSheet ${S}>${styles}</styleSheet>` },
    ...sheets.flatMap(({ rows, comments }, index): ZipEntry[] => {
      const name = `sheet${index + 1}.xml`;
      const data = `${HEAD}<worksheet ${S}><sheetData>${rows}</sheetData></worksheet>`;
      const sheet = { name: `xl/worksheets/${name}`, data };
      if (comments === undefined) return [sheet];
      const list = `${HEAD}<comments ${S}><commentList>${comments}</commentList></comments>`;
      return [
        sheet,
        {
          name: `xl/worksheets/_rels/${name}.rels`,
          data: relations([['rId1', 'comments', `../comments${index}.xml`]]),
        },
        { name: `xl/comments${index}.xml`, data: list },
      ];
    }),
  ]);
}

export const slideText = (text: string): string =>
  `<p:sp><p:txBody><a:p><a:r><a:t>${escapeXml(text)}</a:t></a:r></a:p></p:txBody></p:sp>`;

export interface SlideFixture {
  /** What stands on the slide. */
  shapes: string;
  notes?: string;
  /** The text of a diagram. */
  diagram?: string;
  hidden?: boolean;
}

/** Slides in this order, though their files are numbered the other way round. */
export function pptx(slides: readonly SlideFixture[]): Buffer {
  const fileOf = (index: number): number => slides.length - index;
  const page = (name: string, inside: string, more = ''): string =>
    `${HEAD}<p:${name} ${P} ${A}${more}><p:cSld><p:spTree>${inside}</p:spTree></p:cSld></p:${name}>`;
  return packed('ppt/presentation.xml', 'presentationml.presentation', [
    {
      name: 'ppt/presentation.xml',
      data: `${HEAD}<p:presentation ${P} ${R}><p:sldIdLst>${slides
        .map((_, index) => `<p:sldId id="${256 + index}" r:id="rId${index + 1}"/>`)
        .join('')}</p:sldIdLst></p:presentation>`,
    },
    {
      name: 'ppt/_rels/presentation.xml.rels',
      data: relations(
        slides.map((_, index) => [`rId${index + 1}`, 'slide', `slides/slide${fileOf(index)}.xml`]),
      ),
    },
    ...slides.flatMap(({ shapes, notes = '', diagram = '', hidden }, index): ZipEntry[] => {
      const file = fileOf(index);
      const slide = {
        name: `ppt/slides/slide${file}.xml`,
        data: page('sld', shapes, hidden ? ' show="0"' : ''),
      };
      return [
        slide,
        {
          name: `ppt/slides/_rels/slide${file}.xml.rels`,
          data: relations([
            ['rId1', 'notesSlide', `../notesSlides/notesSlide${file}.xml`],
            ['rId2', 'diagramData', `../diagrams/data${file}.xml`],
          ]),
        },
        { name: `ppt/diagrams/data${file}.xml`, data: page('data', slideText(diagram)) },
        { name: `ppt/notesSlides/notesSlide${file}.xml`, data: page('notes', slideText(notes)) },
      ];
    }),
  ]);
}
