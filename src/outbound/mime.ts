// The door to nodemailer's MIME: a mail as bytes, from content at hand alone.
import type { Readable } from 'node:stream';
import MailComposer from 'nodemailer/lib/mail-composer';
import type { MimeOptions } from './mime-options.ts';

/**
 * Builds a mail as it is read. Only content at hand: no file is opened and no address fetched, whatever the options say.
 * @param boundarySeed makes the boundaries; no part may be able to hold what it makes
 * @returns with CRLF line ends and a Date line, as nodemailer always writes one
 */
export function buildMime({ exactHeaders, event, ...mail }: MimeOptions, boundarySeed: string): Readable {
  const composer = new MailComposer({
    ...mail,
    ...(event ? { alternatives: [eventAlternative(event)] } : {}),
    disableFileAccess: true,
    disableUrlAccess: true,
    newline: 'windows',
    baseBoundary: boundarySeed,
    boundaryPrefix: '=_', // cannot stand in quoted-printable text (RFC 2045 §6.7)
  });
  const whole = composer.compile();
  const encoded = whole.encodeHeaderValue.bind(whole);
  whole.encodeHeaderValue = (name, value) => exactHeaders[name] ?? encoded(name, value);
  return whole.createReadStream();
}

/** In base64, so that its lines stay as iCalendar wants them (RFC 6047 §2.4). */
const eventAlternative = ({ method, content }: NonNullable<MimeOptions['event']>) => ({
  contentType: `text/calendar; charset=utf-8; method=${method}`,
  contentTransferEncoding: 'base64' as const,
  content,
});
