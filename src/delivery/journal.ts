// A journal's report opened: the mail that it carries takes the report's place, and the envelope stands beside. The parts
// of the mail inside keep the section numbers that they have in the report, under which the server gives them.
import type { MailMetadata, MailPart } from '../contracts/mail.ts';
import type { JournalEnvelope } from '../contracts/mail-event.ts';
import type { ImapConnection } from '../imap/connection.ts';
import { type Place, readWrapped } from '../imap/operations.ts';
import { readRawHeaders } from '../mail/headers.ts';
import { readJournalReport } from '../mail/journal-report.ts';
import { metadataFrom } from '../mail/metadata.ts';
import { partText } from '../mail/part-text.ts';
import { partsOf, type StructureNode } from '../mail/structure.ts';

const LARGEST_READ_BYTES = 1024 * 1024; // of the report, and of the header block inside: as much as is read of any

export interface Unwrapped {
  envelope: JournalEnvelope;
  /** Of the mail inside. */
  metadata: MailMetadata;
}

/**
 * Null where the message is no report: its first part is a text that names sender and recipients, and a message lies
 * beside it.
 * @throws PosternError `message_gone`
 */
export async function unwrapJournal(
  connection: ImapConnection,
  place: Place,
  { parts }: Pick<MailMetadata, 'parts'>,
): Promise<Unwrapped | null> {
  const report = parts[0];
  const inside = parts.find(({ type, path }) => type === 'message/rfc822' && !path.includes('.'));
  if (!inside || report?.type !== 'text/plain' || report.path.includes('.')) return null;
  const { headers, structure, beside } = await readWrapped(
    connection,
    place,
    inside.path,
    report.path,
    LARGEST_READ_BYTES,
  );
  const truncated = beside.length >= LARGEST_READ_BYTES;
  const envelope = readJournalReport(partText({ part: report, bytes: beside, truncated }).text);
  const node = structure && nodeAt(structure, inside.path)?.childNodes?.[0];
  if (!envelope || !node) return null;
  return {
    envelope: { ...envelope, truncated: envelope.truncated || truncated },
    metadata: metadataFrom(readRawHeaders(headers), innerParts(node, inside), inside.size),
  };
}

/** A child of the root. */
const nodeAt = (root: StructureNode, path: string): StructureNode | undefined =>
  root.childNodes?.find(({ part, type }) => part === path && type === 'message/rfc822');

/** What is no multipart is the first part of its message (RFC 9051 §6.4.5). */
const innerParts = (node: StructureNode, { path }: MailPart): MailPart[] =>
  partsOf(node.type.startsWith('multipart/') ? node : { ...node, part: `${path}.1` });
