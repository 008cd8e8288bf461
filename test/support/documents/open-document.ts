// OpenDocument texts, spreadsheets and presentations, as LibreOffice writes them, as far as text goes.
import { zip } from './zip-writer.ts';

const HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n';
const NAMESPACES = ['office', 'text', 'table', 'presentation']
  .map((name) => `xmlns:${name}="urn:oasis:names:tc:opendocument:xmlns:${name}:1.0"`)
  .concat('xmlns:draw="urn:oasis:names:tc:opendocument:xmlns:drawing:1.0"')
  .join(' ');

/** `inside` stands in `office:text`, `office:spreadsheet` or `office:presentation`. */
export function openDocument(
  kind: 'text' | 'spreadsheet' | 'presentation',
  inside: string,
  options: { encrypted?: boolean; doctype?: string } = {},
): Buffer {
  const content = `${HEAD}${options.doctype ?? ''}<office:document-content ${NAMESPACES}><office:body><office:${kind}>${inside}</office:${kind}></office:body></office:document-content>`;
  const encryption = options.encrypted ? '<manifest:encryption-data manifest:checksum="x"/>' : '';
  const manifest = `${HEAD}<manifest:manifest xmlns:manifest="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0"><manifest:file-entry manifest:full-path="content.xml">${encryption}</manifest:file-entry></manifest:manifest>`;
  return zip([
    { name: 'mimetype', data: `application/vnd.oasis.opendocument.${kind}`, stored: true },
    { name: 'META-INF/manifest.xml', data: manifest },
    { name: 'content.xml', data: content },
  ]);
}
