// What an event is about, as whoever makes one knows it before the mail server is asked.
import type { MailKind, MailMetadata, Trust } from '../contracts/mail.ts';

export interface EventSubject {
  /** The same however often the event is made. */
  eventId: string;
  account: { id: string; label: string; address: string };
  /** The mail server's. */
  hostname: string;
  tags: readonly string[];
  /** Epoch milliseconds. */
  arrivedAt: number;
  /** The rest of `data`: which rule and destination, or which place of which source. */
  about: Record<string, string | number>;
  message: EventMessage;
}

export interface EventMessage {
  id: string | null;
  threadId: string | null;
  /** Epoch milliseconds. */
  date: number;
  size: number;
  kind: MailKind;
  trust: Trust;
  metadata: MailMetadata;
}

export interface EventOptions {
  /** Octets of a decoded part: of a larger one there is neither text nor content. */
  limit: number;
  /** Hashes of every part, and the octets of attachments. */
  withContents: boolean;
  /** Attachments are kept as artifacts for so many days; null: they are in the event, as base64. */
  retentionDays: number | null;
  /** A journal's report is opened. */
  journal: boolean;
  /** What is larger by its own word is not even read to be hashed. */
  largestReadBytes: number;
  /** Of the whole event, about. */
  largestEventBytes: number;
  signal: AbortSignal;
}
