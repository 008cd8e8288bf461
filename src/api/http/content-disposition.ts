// The headers by which a file of somebody else's is handed out: to be saved, and never shown as a page of ours.

/** Types that programs open by themselves once they are saved; whatever else comes is bytes. None of them can act. */
const KEPT_TYPES: ReadonlySet<string> = new Set([
  'application/pdf',
  'application/zip',
  'application/gzip',
  'application/vnd.openxmlformats-officedocument.wordprocessingml.document',
  'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet',
  'application/vnd.openxmlformats-officedocument.presentationml.presentation',
  'audio/mpeg',
  'audio/wav',
  'image/gif',
  'image/jpeg',
  'image/png',
  'image/webp',
  'video/mp4',
  'video/webm',
]);

/** What a file is said to be when it is downloaded. */
export function downloadType(contentType: string): string {
  const type = contentType.toLowerCase();
  return KEPT_TYPES.has(type) ? type : 'application/octet-stream';
}

/** RFC 6266 with RFC 8187: the name in ASCII for old programs, and as it is for all others. */
export function attachmentDisposition(filename: string): string {
  const ascii = filename.replace(/[^\x20-\x7e]/gu, '_').replace(/["\\%]/g, '_');
  const plain = `attachment; filename="${ascii}"`;
  if (ascii === filename) return plain;
  const exact = encodeURIComponent(filename.toWellFormed()).replace(
    /['()*]/g,
    (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`,
  );
  return `${plain}; filename*=UTF-8''${exact}`;
}
