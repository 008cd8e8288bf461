// What one document may cost, counted over everything inside of it: an archive in an archive spends from the same purse.
import { PosternError } from '../../kernel/errors.ts';
import type { DocumentFailure } from './contract.ts';

/** Archives and mails inside of each other: forwarded mails with a packed folder reach two. */
export const MAX_DEPTH = 3;
/** Files in one archive that are read. */
export const MAX_MEMBERS = 1000;
const MAX_MEMBERS_IN_ALL = 3000;
/** Unpacked bytes over all levels: far more than documents of people, and read within seconds. */
export const MAX_UNPACKED_BYTES = 512 * 1024 * 1024;
/** A member of an archive is held in memory whole, as formats need to jump in it. */
export const MAX_MEMBER_BYTES = 64 * 1024 * 1024;
/** Deflate reaches 1,032. Text of people stays below 20, tables and logs below 100. */
export const MAX_RATIO = 250;
/** Below this a ratio does no harm, and a file of blanks may have any. */
export const RATIO_COUNTS_FROM_BYTES = 8 * 1024 * 1024;

export const refuse = (code: DocumentFailure, message: string, hint?: string): PosternError =>
  new PosternError(code, message, hint === undefined ? {} : { hint });

/** Failures that concern the whole document, even where they come up inside of an archive. */
export class Exhausted extends PosternError {}

export class Budget {
  #unpacked = 0;
  #members = 0;

  /** @throws Exhausted `archive_too_large` */
  unpack(bytes: number): void {
    this.#unpacked += bytes;
    if (this.#unpacked > MAX_UNPACKED_BYTES) {
      throw new Exhausted(
        'archive_too_large',
        `What the document packs is more than ${MAX_UNPACKED_BYTES / (1024 * 1024)} MB.`,
      );
    }
  }

  /** @throws Exhausted `archive_too_many` */
  member(): void {
    if (++this.#members > MAX_MEMBERS_IN_ALL) {
      throw new Exhausted(
        'archive_too_many',
        `The archives in the document hold more than ${MAX_MEMBERS_IN_ALL} files in all.`,
      );
    }
  }
}
