// Documents that rules took from mail: how far each is, where it went, and what a search finds in them.
import { z } from 'zod';
import { address, trust } from './mail.ts';

/**
 * `queued` waits for the mail server or for its turn, `reading` has its text taken out, `ready` can be found. `failed` says
 * why, and can be run again.
 */
export const documentState = z.enum(['queued', 'reading', 'ready', 'failed']);
export type DocumentState = z.infer<typeof documentState>;

/**
 * `waiting` for the document's text, `queued` for its next attempt. `refused` by the sink for good (4xx). `dead` has had its
 * attempts.
 */
export const placementState = z.enum(['waiting', 'queued', 'placing', 'placed', 'refused', 'dead']);
export type PlacementState = z.infer<typeof placementState>;

export const placementView = z.object({
  sink: z.string(),
  state: placementState,
  /** How many chunks of the text the sink has. */
  done: z.number().int(),
  attempts: z.number().int(),
  /** The HTTP status of the last answer; null where there was none. */
  status: z.number().int().nullable(),
  error: z.string().nullable(),
  next_attempt_at: z.number().int().nullable(),
  placed_at: z.number().int().nullable(),
});
export type PlacementView = z.infer<typeof placementView>;

/** What the bytes of a document are. Documents with the same bytes share it, its text and its places in sinks. */
export const contentView = z.object({
  id: z.string(),
  sha256: z.string(),
  sha1: z.string(),
  md5: z.string(),
  /** Octets. */
  size: z.number().int(),
  /** By content and not by name; null before it was read. */
  type: z.string().nullable(),
  /** `mail`: the mail itself, `file`: what was attached. */
  kind: z.enum(['mail', 'file']),
  /** Pieces of text. */
  chunks: z.number().int(),
  /** What was left out or could not be read. */
  notes: z.array(z.string()),
  /** How many documents have these bytes. */
  documents: z.number().int(),
});

export const documentView = z.object({
  id: z.string(),
  account_id: z.string(),
  message_id: z.string(),
  /** The IMAP section number; null: the mail itself. */
  part: z.string().nullable(),
  rule: z.string(),
  filename: z.string(),
  /** As the mail says. */
  declared_type: z.string().nullable(),
  state: documentState,
  /** Why it failed: a stable code, and a sentence. */
  code: z.string().nullable(),
  error: z.string().nullable(),
  /** Null until its bytes are there. */
  content: contentView.nullable(),
  sinks: z.array(placementView),
  created_at: z.number().int(),
  updated_at: z.number().int(),
});
export type DocumentView = z.infer<typeof documentView>;

/** Where in a document a passage stands. */
export const passageSource = z.object({
  part: z.string().optional(),
  page: z.number().int().optional(),
  sheet: z.string().optional(),
  slide: z.number().int().optional(),
  row: z.number().int().optional(),
});

export const passage = z.object({
  content_id: z.string(),
  filename: z.string(),
  type: z.string().nullable(),
  sha256: z.string(),
  /** Which piece of the text it is, counted from 0. */
  number: z.number().int(),
  source: passageSource,
  /** The words around the first that was found, on one line. */
  snippet: z.string(),
  text: z.string(),
  /** Higher fits better; comparable within one answer. */
  score: z.number(),
  /** The mails that it came with, the latest first; at most five. */
  documents: z.array(
    z.object({
      id: z.string(),
      account_id: z.string(),
      message_id: z.string(),
      thread_id: z.string(),
      part: z.string().nullable(),
      filename: z.string(),
      from: address.nullable(),
      /** How sure it is who sent it. */
      trust: trust.shape.level,
      subject: z.string(),
      date: z.string(),
    }),
  ),
});
export type Passage = z.infer<typeof passage>;

export const searchAnswer = z.object({
  /** `all` words stand in each passage, or only `some`: then none has all of them. */
  matched: z.enum(['all', 'some', 'none']),
  data: z.array(passage),
});
export type SearchAnswer = z.infer<typeof searchAnswer>;
