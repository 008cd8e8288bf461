// Reads what an agent answered, and makes it whole: files named by path become stored objects, so that the answer
// stands by itself once the agent's folder is gone.
import { constants } from 'node:fs';
import { open, realpath } from 'node:fs/promises';
import { basename, isAbsolute, join, relative, sep } from 'node:path';
import { z } from 'zod';
import type { DraftAttachment } from '../contracts/draft.ts';
import {
  type ActionAttachment,
  type AgentAction,
  type AgentAnswer,
  agentAnswer,
} from '../contracts/session.ts';
import { PosternError } from '../kernel/errors.ts';
import { safeFilename } from '../mail/filename.ts';
import { imageTypeOf } from '../mail/inline-images.ts';
import type { Blobs } from '../objects/blobs.ts';
import type { Tx } from '../store/store.ts';

export const LARGEST_MAIL_BYTES = 50 * 1024 * 1024; // of a mail's files together: twice what mail servers take
const LARGEST_PROBLEM_CHARS = 2_000; // of what is wrong with an answer: enough to mend it, whatever the agent printed
/** Of all mails of an answer together, their files aside: each of up to 50 actions reads the whole answer once more. */
const MOST_WORDS_CHARS = 4_000_000;
const DEFAULT_TYPE = 'application/octet-stream';

/**
 * The answer in an agent's output: one JSON object and nothing else. No output is an answer without actions.
 * @throws PosternError `answer_invalid` that names the field and what is wrong with it
 */
export function readAnswer(output: string): AgentAnswer {
  const text = output.trim();
  if (text === '') return { actions: [] };
  const value = parseJson(text);
  if (value === undefined) {
    throw new PosternError('answer_invalid', 'The agent did not answer with JSON.', {
      hint: 'Print { "actions": [ … ] } and nothing else to stdout; write logs to stderr.',
    });
  }
  const parsed = agentAnswer.safeParse(value);
  if (!parsed.success) {
    throw new PosternError(
      'answer_invalid',
      `The agent's answer does not fit:\n${z.prettifyError(parsed.error).slice(0, LARGEST_PROBLEM_CHARS)}`,
    );
  }
  const words = parsed.data.actions.map(wordsOf).reduce((sum, chars) => sum + chars, 0);
  if (words > MOST_WORDS_CHARS)
    throw new PosternError(
      'answer_invalid',
      `The mails of the agent's answer have ${words} characters together, and may have ${MOST_WORDS_CHARS}.`,
      { hint: 'Attach what is long as a file.' },
    );
  return parsed.data;
}

const wordsOf = (action: AgentAction): number =>
  action.type === 'reply' || action.type === 'send'
    ? (action.text?.length ?? 0) + (action.html?.length ?? 0)
    : 0;

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

type WithObjects<A> = A extends { attachments?: unknown }
  ? Omit<A, 'attachments'> & { attachments: DraftAttachment[] }
  : A;
/** An action whose files are objects. */
export type StoredAction = WithObjects<AgentAction>;

export interface StoredAnswer {
  actions: StoredAction[];
  /** Records the objects in the transaction that keeps the answer. */
  record(tx: Tx): Promise<void>;
}

/**
 * @param folder where files named by path are looked for; null refuses them
 * @throws PosternError `attachment_invalid`
 */
export async function storeAnswer(
  answer: AgentAnswer,
  folder: string | null,
  blobs: Blobs,
): Promise<StoredAnswer> {
  const records: StoredFiles['record'][] = [];
  const actions: StoredAction[] = [];
  for (const action of answer.actions) {
    if (action.type !== 'reply' && action.type !== 'send') {
      actions.push(action);
      continue;
    }
    const { attachments, record } = await storeFiles(action.attachments ?? [], folder, blobs);
    records.push(record);
    actions.push({ ...action, attachments });
  }
  return {
    actions,
    record: async (tx) => {
      for (const record of records) await record(tx);
    },
  };
}

export interface StoredFiles {
  attachments: DraftAttachment[];
  record(tx: Tx): Promise<void>;
}

/**
 * @param folder where files named by path are looked for; null refuses them
 * @param room how many bytes they may have together
 * @throws PosternError `attachment_invalid`
 */
export async function storeFiles(
  files: readonly ActionAttachment[],
  folder: string | null,
  blobs: Blobs,
  room = LARGEST_MAIL_BYTES,
): Promise<StoredFiles> {
  const records: ((tx: Tx) => Promise<void>)[] = [];
  const attachments: DraftAttachment[] = [];
  for (const file of files) {
    const bytes = await readFileOf(file, folder, room);
    room -= bytes.length;
    const filename = safeFilename(file.filename ?? basename(file.path ?? ''), 'attachment');
    const content_type = typeOf(file, filename, bytes);
    const blob = await blobs.stage(bytes);
    records.push(blob.record);
    attachments.push({
      ...{ object_id: blob.id, filename, content_type, size: blob.size, sha256: blob.sha256 },
      ...(file.content_id === undefined ? {} : { content_id: file.content_id, disposition: 'inline' }),
    });
  }
  return {
    attachments,
    record: async (tx) => {
      for (const record of records) await record(tx);
    },
  };
}

/** What the HTML may show is what its bytes say. */
function typeOf(file: ActionAttachment, filename: string, bytes: Buffer): string {
  if (file.content_id === undefined) return file.content_type ?? DEFAULT_TYPE;
  const type = imageTypeOf(bytes);
  if (type !== null) return type;
  throw new PosternError(
    'attachment_invalid',
    `The file ${JSON.stringify(filename)} cannot be shown in the HTML: it is no PNG, JPEG, GIF or WebP.`,
  );
}

/** @param room how many bytes it may have */
async function readFileOf(file: ActionAttachment, folder: string | null, room: number): Promise<Buffer> {
  const invalid = (why: string): PosternError =>
    new PosternError(
      'attachment_invalid',
      `The attachment ${JSON.stringify(file.path ?? file.filename)} ${why}.`,
    );
  const tooLarge = `makes the mail larger than ${LARGEST_MAIL_BYTES} bytes`;
  if (file.content_base64 !== undefined) {
    const bytes = Buffer.from(file.content_base64, 'base64');
    if (bytes.length > room) throw invalid(tooLarge);
    return bytes;
  }
  const path = file.path as string;
  if (folder === null) throw invalid('is a path; give its content in content_base64 instead');
  const home = await realpath(folder);
  const real = await realpath(isAbsolute(path) ? path : join(folder, path)).catch(() => {
    throw invalid('is not in the folder of the session');
  });
  const inside = relative(home, real);
  if (inside === '' || inside === '..' || inside.startsWith(`..${sep}`) || isAbsolute(inside))
    throw invalid('lies outside of the folder of the session');
  // No link is followed at the last step: what was checked is what is read. And a FIFO must not be waited for.
  const flags = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0);
  const handle = await open(real, flags).catch(() => {
    throw invalid('cannot be read');
  });
  try {
    const stat = await handle.stat();
    if (!stat.isFile()) throw invalid('is not a file');
    if (stat.size > room) throw invalid(tooLarge);
    return await handle.readFile();
  } finally {
    await handle.close();
  }
}
