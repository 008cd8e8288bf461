// PDF files by hand: pages of text in the fonts that every reader knows, one with Chinese by a table of its own, and the
// shapes that readers stumble over.
import { createHash } from 'node:crypto';
import { deflateSync } from 'node:zlib';

/** What stands between `obj` and `endobj`, by number from 1. */
export function pdfOf(objects: readonly (string | Buffer)[], trailer = '/Root 1 0 R'): Buffer {
  const parts: Buffer[] = [Buffer.from('%PDF-1.7\n%\xe2\xe3\xcf\xd3\n', 'latin1')];
  const offsets: number[] = [];
  let at = (parts[0] as Buffer).length;
  objects.forEach((object, index) => {
    const body = Buffer.isBuffer(object) ? object : Buffer.from(object, 'latin1');
    const part = Buffer.concat([Buffer.from(`${index + 1} 0 obj\n`), body, Buffer.from('\nendobj\n')]);
    offsets.push(at);
    parts.push(part);
    at += part.length;
  });
  const entries = offsets.map((offset) => `${String(offset).padStart(10, '0')} 00000 n \n`).join('');
  const count = objects.length + 1;
  const table = `xref\n0 ${count}\n0000000000 65535 f \n${entries}`;
  parts.push(Buffer.from(`${table}trailer\n<< /Size ${count} ${trailer} >>\nstartxref\n${at}\n%%EOF\n`));
  return Buffer.concat(parts);
}

export function pdfStream(
  content: string | Buffer,
  options: { deflate?: boolean; entries?: string } = {},
): Buffer {
  const raw = Buffer.isBuffer(content) ? content : Buffer.from(content, 'latin1');
  const body = options.deflate ? deflateSync(raw) : raw;
  const filter = options.deflate ? '/Filter /FlateDecode ' : '';
  const head = `<< /Length ${body.length} ${filter}${options.entries ?? ''}>>\nstream\n`;
  return Buffer.concat([Buffer.from(head, 'latin1'), body, Buffer.from('\nendstream')]);
}

const escaped = (text: string): string => text.replace(/[()\\]/g, (char) => `\\${char}`);

/** Lines of text, one below the other. */
export const pdfLines = (lines: readonly string[]): string =>
  `BT /F1 12 Tf 14 TL 72 720 Td ${lines.map((line) => `(${escaped(line)}) Tj T*`).join(' ')} ET`;

/** One page for each list of lines, in Helvetica; characters of Latin-1. */
export function pdf(pages: readonly (readonly string[])[], options: { deflate?: boolean } = {}): Buffer {
  const kids = pages.map((_, index) => `${4 + index * 2} 0 R`).join(' ');
  return pdfOf([
    '<< /Type /Catalog /Pages 2 0 R >>',
    `<< /Type /Pages /Kids [${kids}] /Count ${pages.length} >>`,
    '<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>',
    ...pages.flatMap((lines, index) => [
      `<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Resources << /Font << /F1 3 0 R >> >> /Contents ${5 + index * 2} 0 R >>`,
      pdfStream(pdfLines(lines), options),
    ]),
  ]);
}

/** A page with the word “Order” and annotations, which are given by what stands in them. */
export function pdfWithAnnotations(annotations: readonly string[]): Buffer {
  const list = annotations.map((_, index) => `${6 + index} 0 R`).join(' ');
  return pdfOf([
    `<< /Type /Catalog /Pages 2 0 R /AcroForm << /Fields [${list}] >> >>`,
    '<< /Type /Pages /Kids [3 0 R] /Count 1 >>',
    `<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Resources << /Font << /F1 5 0 R >> >> /Contents 4 0 R /Annots [${list}] >>`,
    pdfStream(pdfLines(['Order'])),
    '<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>',
    ...annotations.map((inside) => `<< /Type /Annot /Rect [0 0 100 20] ${inside} >>`),
  ]);
}

const hex4 = (value: number): string => value.toString(16).padStart(4, '0').toUpperCase();

/** A page whose font numbers its glyphs from 1, with a table that says which characters they are (ToUnicode). */
export function pdfByToUnicode(text: string): Buffer {
  const chars = [...new Set(text)];
  const shown = Array.from(text, (char) => hex4(chars.indexOf(char) + 1)).join('');
  const table = chars.map((char, index) => `<${hex4(index + 1)}> <${hex4(char.charCodeAt(0))}>`).join('\n');
  return cjkPdf(
    `<${shown}>`,
    'Identity-H',
    `/CIDInit /ProcSet findresource begin 12 dict begin begincmap /CMapName /Own def /CMapType 2 def 1 begincodespacerange <0000> <FFFF> endcodespacerange ${chars.length} beginbfchar\n${table}\nendbfchar endcmap end end`,
  );
}

/** A page whose font has no table of its own: the encoding is one of those that every reader must know. */
export function pdfByKnownEncoding(text: string): Buffer {
  const shown = Array.from({ length: text.length }, (_, index) => hex4(text.charCodeAt(index))).join('');
  return cjkPdf(`<${shown}>`, 'UniGB-UCS2-H', null);
}

function cjkPdf(shown: string, encoding: string, toUnicode: string | null): Buffer {
  return pdfOf([
    '<< /Type /Catalog /Pages 2 0 R >>',
    '<< /Type /Pages /Kids [3 0 R] /Count 1 >>',
    '<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Resources << /Font << /F1 5 0 R >> >> /Contents 4 0 R >>',
    pdfStream(`BT /F1 12 Tf 72 720 Td ${shown} Tj ET`),
    `<< /Type /Font /Subtype /Type0 /BaseFont /STSong-Light /Encoding /${encoding} /DescendantFonts [6 0 R]${toUnicode === null ? '' : ' /ToUnicode 8 0 R'} >>`,
    '<< /Type /Font /Subtype /CIDFontType0 /BaseFont /STSong-Light /CIDSystemInfo << /Registry (Adobe) /Ordering (GB1) /Supplement 4 >> /FontDescriptor 7 0 R /DW 1000 >>',
    '<< /Type /FontDescriptor /FontName /STSong-Light /Flags 4 /FontBBox [0 -200 1000 900] /ItalicAngle 0 /Ascent 800 /Descent -200 /CapHeight 700 /StemV 80 >>',
    pdfStream(toUnicode ?? ''),
  ]);
}

/** The root of the pages is its own grandchild. */
export function loopingPdf(): Buffer {
  return pdfOf([
    '<< /Type /Catalog /Pages 2 0 R >>',
    '<< /Type /Pages /Kids [3 0 R] /Count 1000000 /Parent 3 0 R >>',
    '<< /Type /Pages /Kids [2 0 R 2 0 R] /Count 1000000 /Parent 2 0 R >>',
  ]);
}

/** A page whose text calls itself: a form that draws itself, twice. */
export function recursiveFormPdf(): Buffer {
  const resources = '/Resources << /Font << /F1 5 0 R >> /XObject << /X 6 0 R >> >>';
  return pdfOf([
    '<< /Type /Catalog /Pages 2 0 R >>',
    '<< /Type /Pages /Kids [3 0 R] /Count 1 >>',
    `<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] ${resources} /Contents 4 0 R >>`,
    pdfStream('/X Do /X Do'),
    '<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>',
    pdfStream('BT /F1 12 Tf (again) Tj ET /X Do /X Do', {
      entries: `/Type /XObject /Subtype /Form /BBox [0 0 10 10] ${resources} `,
    }),
  ]);
}

/** A page whose content unpacks to `size` bytes: blanks between two operators. */
export function pdfBomb(size: number): Buffer {
  return pdfOf([
    '<< /Type /Catalog /Pages 2 0 R >>',
    '<< /Type /Pages /Kids [3 0 R] /Count 1 >>',
    '<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Resources << >> /Contents 4 0 R >>',
    pdfStream(deflateSync(Buffer.alloc(size, ' ')), { entries: '/Filter /FlateDecode ' }),
  ]);
}

const PADDING = Buffer.from('28bf4e5e4e758a4164004e56fffa01082e2e00b6d0683e802f0ca9fe6453697a', 'hex');
const md5 = (...parts: Buffer[]): Buffer => {
  const hash = createHash('md5');
  for (const part of parts) hash.update(part);
  return hash.digest();
};

/** A PDF that opens only with a password (ISO 32000-1 §7.6.3, revision 2: RC4 of 40 bits). */
export function encryptedPdf(password: string): Buffer {
  const padded = Buffer.concat([Buffer.from(password, 'latin1'), PADDING]).subarray(0, 32);
  const id = Buffer.alloc(16, 7);
  const permissions = Buffer.from('fcffffff', 'hex');
  const owner = rc4(md5(padded).subarray(0, 5), padded);
  const key = md5(padded, owner, permissions, id).subarray(0, 5);
  const user = rc4(key, PADDING);
  const objectKey = md5(key, Buffer.from([4, 0, 0, 0, 0])).subarray(0, 10);
  return pdfOf(
    [
      '<< /Type /Catalog /Pages 2 0 R >>',
      '<< /Type /Pages /Kids [3 0 R] /Count 1 >>',
      '<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Resources << /Font << /F1 5 0 R >> >> /Contents 4 0 R >>',
      pdfStream(rc4(objectKey, Buffer.from(pdfLines(['For the owner alone']), 'latin1'))),
      '<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>',
      `<< /Filter /Standard /V 1 /R 2 /O <${owner.toString('hex')}> /U <${user.toString('hex')}> /P -4 >>`,
    ],
    `/Root 1 0 R /Encrypt 6 0 R /ID [<${id.toString('hex')}> <${id.toString('hex')}>]`,
  );
}

function rc4(key: Buffer, data: Buffer): Buffer {
  const state = Uint8Array.from({ length: 256 }, (_, index) => index);
  const swap = (a: number, b: number): void => {
    const kept = state[a] as number;
    state[a] = state[b] as number;
    state[b] = kept;
  };
  for (let i = 0, j = 0; i < 256; i++) {
    j = (j + (state[i] as number) + (key[i % key.length] as number)) & 255;
    swap(i, j);
  }
  let i = 0;
  let j = 0;
  return Buffer.from(
    data.map((octet) => {
      i = (i + 1) & 255;
      j = (j + (state[i] as number)) & 255;
      swap(i, j);
      return octet ^ (state[((state[i] as number) + (state[j] as number)) & 255] as number);
    }),
  );
}
