// A request body while it is put together: small ones in memory, larger ones in a file that has no name, so that neither
// a crash nor a kill leaves mail behind. It is read as often as it is sent.
import { randomUUID } from 'node:crypto';
import { type FileHandle, mkdir, open, unlink } from 'node:fs/promises';
import { join } from 'node:path';

const IN_MEMORY_BYTES = 256 * 1024; // nearly every mail without attachments
const READ_BYTES = 64 * 1024;

export class Spool {
  readonly #folder: string;
  #head: Buffer[] = [];
  #file: FileHandle | undefined;
  #bytes = 0;

  /** @param folder where a file may be made; it need not be there */
  constructor(folder: string) {
    this.#folder = folder;
  }

  get bytes(): number {
    return this.#bytes;
  }

  async write(piece: string | Uint8Array): Promise<void> {
    const bytes = typeof piece === 'string' ? Buffer.byteLength(piece) : piece.length;
    if (!this.#file && this.#bytes + bytes <= IN_MEMORY_BYTES) {
      this.#head.push(Buffer.from(piece as string)); // a copy: whose piece it was may use its memory again
    } else {
      this.#file ??= await this.#spill();
      await writeAll(this.#file, piece, this.#bytes);
    }
    this.#bytes += bytes;
  }

  async #spill(): Promise<FileHandle> {
    await mkdir(this.#folder, { recursive: true, mode: 0o700 });
    const path = join(this.#folder, `post-${randomUUID()}`);
    const file = await open(path, 'wx+', 0o600);
    await unlink(path);
    await writeAll(file, Buffer.concat(this.#head), 0);
    this.#head = [];
    return file;
  }

  /** Takes back what was written after the first `bytes`. */
  async truncate(bytes: number): Promise<void> {
    if (this.#file) await this.#file.truncate(bytes);
    else this.#head = [Buffer.concat(this.#head).subarray(0, bytes)];
    this.#bytes = bytes;
  }

  /** From its beginning. Each piece is there only until the next is asked for. */
  open(): AsyncIterable<Buffer> {
    return this.#file ? piecesOf(this.#file, this.#bytes) : each(this.#head);
  }

  async close(): Promise<void> {
    this.#head = [];
    await this.#file?.close();
    this.#file = undefined;
  }
}

async function* each(pieces: readonly Buffer[]): AsyncGenerator<Buffer> {
  yield* pieces;
}

async function* piecesOf(file: FileHandle, bytes: number): AsyncGenerator<Buffer> {
  const buffer = Buffer.allocUnsafeSlow(READ_BYTES); // one for all: of 128 MB each piece would be garbage
  for (let at = 0; at < bytes; ) {
    const { bytesRead } = await file.read(buffer, 0, Math.min(READ_BYTES, bytes - at), at);
    if (bytesRead === 0) throw new Error('the body of a delivery ended too soon');
    yield buffer.subarray(0, bytesRead);
    at += bytesRead;
  }
}

async function writeAll(file: FileHandle, piece: string | Uint8Array, position: number): Promise<void> {
  let at = 0;
  // A text as it is: as bytes, the base64 of large attachments would be in memory once more until it is collected.
  if (typeof piece === 'string') at = (await file.write(piece, position)).bytesWritten;
  const bytes = typeof piece === 'string' && at < Buffer.byteLength(piece) ? Buffer.from(piece) : piece;
  if (typeof bytes === 'string') return;
  while (at < bytes.length)
    at += (await file.write(bytes, at, bytes.length - at, position + at)).bytesWritten;
}
