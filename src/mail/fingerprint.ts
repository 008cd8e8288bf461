// By what a message is recognised again when its UID no longer says so: after UIDVALIDITY changed, or in another folder.
import { hash } from 'node:crypto';
import type { MailMetadata } from '../contracts/mail.ts';
import { headerValues } from './headers.ts';

const HEX_CHARS = 32; // 128 bits: no two mails of a mailbox meet by chance

/**
 * 32 hexadecimal characters over Message-ID, Date, From, Subject and size, written as JSON so that no two lists of
 * values read alike. A mail without a Message-ID is known by all its headers; without a date of its own either, also
 * by `internalDate`, its arrival in epoch milliseconds.
 */
export function fingerprintOf(metadata: MailMetadata, internalDate: number): string {
  const { message_id, date, from, subject, size, headers } = metadata;
  const facts: unknown[] = [message_id, date, from?.address ?? null, subject, size];
  if (message_id === null) {
    facts.push(Object.entries(headers));
    if (date === null) facts.push(internalDate);
  }
  return hash('sha256', JSON.stringify(facts)).slice(0, HEX_CHARS);
}

/**
 * The way that a mail came, as the servers on it wrote it down: each delivery has its own, and no move or copy changes it.
 * Whoever sends a mail chooses all that its fingerprint is made of, and can make two that have one; he cannot choose this.
 */
export const wayOf = ({ headers }: Pick<MailMetadata, 'headers'>): string =>
  JSON.stringify(headerValues(headers, 'received'));

/** The fingerprint of a mail that has that of another one, and came another way. */
export const fingerprintOfWay = (fingerprint: string, way: string): string =>
  hash('sha256', JSON.stringify([fingerprint, way])).slice(0, HEX_CHARS);
