// By what a mail is put into a conversation: the Message-IDs that it answers, then what its provider or its Outlook says.
// The weaker ways come last, so that they decide only where no Message-ID does. None of them proves anything of the sender.
import { hash } from 'node:crypto';
import type { MailMetadata } from '../contracts/mail.ts';
import { headerOf } from './headers.ts';
import { bareSubject, threadReferences } from './thread.ts';

const INDEX_HEAD_OCTETS = 22; // [MS-OXOMSG] §2.2.1.3: a time of 6 octets, then a GUID
const INDEX_CHILD_OCTETS = 5; // one block for every answer
const MAX_INDEX_CHARS = 4000;
const GUID_AT = 6;
const SUBJECT_HEX_CHARS = 16;

/**
 * @param providerThreadId the conversation as the IMAP server tells it
 * @returns nearest first. Message-IDs have angle brackets and the other keys have none, so that no mail can name those.
 */
export function threadKeys(
  metadata: Pick<MailMetadata, 'in_reply_to' | 'references' | 'message_id' | 'headers' | 'subject'>,
  providerThreadId?: string,
): string[] {
  const keys = threadReferences(metadata);
  if (providerThreadId !== undefined) keys.push(`provider-thread:${providerThreadId}`);
  const index = headerOf(metadata.headers, 'thread-index');
  const key = index === undefined ? null : indexKey(index, metadata.subject);
  if (key !== null) keys.push(key);
  return keys;
}

/** Outlook gives all answers one GUID, and also mails that are begun from an old one: the subject must be the same too. */
function indexKey(index: string, subject: string): string | null {
  if (index.length > MAX_INDEX_CHARS) return null;
  const octets = Buffer.from(index.replace(/\s+/g, ''), 'base64');
  const rest = octets.length - INDEX_HEAD_OCTETS;
  if (rest < 0 || rest % INDEX_CHILD_OCTETS !== 0) return null;
  const guid = octets.subarray(GUID_AT, INDEX_HEAD_OCTETS);
  const topic = bareSubject(subject).normalize('NFKC').toLowerCase().replace(/\s+/g, ' ').trim();
  if (topic === '' || guid.every((octet) => octet === 0)) return null;
  return `thread-index:${guid.toString('hex')}:${hash('sha256', topic).slice(0, SUBJECT_HEX_CHARS)}`;
}
