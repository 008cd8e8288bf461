// Names of mailboxes as they go over the wire to servers without UTF-8: modified UTF-7 (RFC 3501 §5.1.3). Pure.

/** `Entwürfe & mehr` becomes `Entw&APw-rfe &- mehr`. */
export const encodeMailbox = (name: string): string =>
  name.replaceAll('&', '&-').replace(/[^\x20-\x7e]+/g, (run) => `&${base64(run)}-`);

function base64(run: string): string {
  const bytes = Buffer.from(run, 'utf16le').swap16();
  return bytes.toString('base64').replace(/=+$/, '').replaceAll('/', ',');
}
