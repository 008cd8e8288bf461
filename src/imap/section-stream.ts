// The octets of a message, or of one part of it, window by window: each is a command of its own, so that whoever stops
// reading leaves the connection in order, and what a server leaves out is noticed.
import { PosternError } from '../kernel/errors.ts';
import type { ImapConnection } from './connection.ts';
import { fetchOf } from './fetch.ts';

const WINDOW_BYTES = 256 * 1024; // some hundred round trips for 25 MB, and little to hold
/** A server, or whoever reads, that is slower holds up the account's other work. */
export const SLOWEST_BYTES_A_SECOND = 16 * 1024;
/** Some servers (Microsoft's) announce an estimate: an end that they confirm this close to it is the end. */
const ESTIMATE_SHARE = 0.1;
const ESTIMATE_BYTES = 1024;
const MOST_OVER_BYTES = 1024 * 1024; // and twice what was announced: one that sends without an end is not heard out

export interface Section {
  uid: number;
  /** Such as `2.1`; null: the whole message. */
  path: string | null;
  /** Octets by the server's own word. */
  size: number;
}

/**
 * Null where the message or the part is not there; else its octets as transferred. Each piece is the reader's own.
 * @throws PosternError while reading: `mail_cut_short`, `mail_too_large`, and those of a connection
 */
export async function openSection(
  connection: ImapConnection,
  section: Section,
  signal?: AbortSignal,
): Promise<AsyncGenerator<Buffer, void> | null> {
  const first = await readWindow(connection, section, 0, signal);
  return first && windows(connection, section, first, signal);
}

async function* windows(
  connection: ImapConnection,
  section: Section,
  first: Buffer,
  signal: AbortSignal | undefined,
): AsyncGenerator<Buffer, void> {
  const { size } = section;
  // Kept to compare: a server that takes no notice of windows answers with all of it again.
  const whole = first.length < WINDOW_BYTES && first.length < size ? Buffer.from(first) : null;
  let read = 0;
  for (let window: Buffer | null = first; ; window = await readWindow(connection, section, read, signal)) {
    if (!window) throw cutShort(section, read); // removed meanwhile, or the server has no answer any more
    if (window.length === 0) {
      if (read < size * (1 - ESTIMATE_SHARE) - ESTIMATE_BYTES) throw cutShort(section, read);
      return;
    }
    if (whole && read === whole.length && read + window.length > size && window.equals(whole)) return;
    read += window.length;
    if (read > Math.max(size * 2, size + MOST_OVER_BYTES)) throw tooLarge();
    const isLast = window.length !== WINDOW_BYTES && read >= size; // a short window before is asked on from
    yield window;
    if (isLast) return;
  }
}

/** Between, a server may tell of flags that somebody changes: an answer without the section is none to this question. */
async function readWindow(
  connection: ImapConnection,
  { uid, path }: Section,
  start: number,
  signal: AbortSignal | undefined,
): Promise<Buffer | null> {
  const range = { start, maxLength: WINDOW_BYTES };
  const key = path?.toLowerCase();
  const query =
    key === undefined ? { uid: true, source: range } : { uid: true, bodyParts: [{ key, ...range }] };
  let octets: Buffer | undefined;
  await connection.run(
    'fetch an attachment',
    () =>
      fetchOf(connection, uid, query, ({ source, bodyParts }) => {
        const found = key === undefined ? source : bodyParts?.get(key);
        if (!Buffer.isBuffer(found)) return false;
        octets = found;
        return true;
      }),
    signal,
    connection.timeLimit + (WINDOW_BYTES / SLOWEST_BYTES_A_SECOND) * 1_000,
  );
  if (!connection.usable) throw connection.failure;
  return octets ?? null;
}

const cutShort = ({ size }: Section, read: number): PosternError =>
  new PosternError('mail_cut_short', `The mail server gave ${read} of ${size} octets, and no more.`, {
    retry: 'later',
  });

const tooLarge = (): PosternError =>
  new PosternError('mail_too_large', 'The mail server sends more of an attachment than it announced.');
