// Finds secrets in a text without keeping them: of each secret only the hashes of its beginning and its end are held, under a
// key that is made at the start and never leaves the process. Time is linear in the text, whatever the number of secrets.
import { createHmac, randomBytes, randomInt } from 'node:crypto';

/** Pieces of these lengths are hashed; of a secret, the longest that it has room for. Shorter ones are words. */
const LENGTHS = [32, 24, 16, 12, 8] as const;
export const SHORTEST_SECRET_CHARS = 8;

export class Fingerprints {
  readonly #key = randomBytes(32);
  readonly #base = randomInt(2 ** 20, 2 ** 31) | 1;
  /** By length and quick hash, the hashes under the key. */
  readonly #prints = new Map<number, Map<number, Set<string>>>();

  /** What is shorter than eight characters is not taken: it would be found in many an innocent text. */
  add(secret: string): void {
    const length = LENGTHS.find((one) => secret.length >= one);
    if (length === undefined) return;
    for (const piece of [secret.slice(0, length), secret.slice(-length)]) {
      const ofLength = this.#prints.get(length) ?? new Map<number, Set<string>>();
      this.#prints.set(length, ofLength);
      const quick = this.#quickOf(piece);
      const full = ofLength.get(quick) ?? new Set();
      ofLength.set(quick, full.add(this.#fullOf(piece)));
    }
  }

  isIn(text: string): boolean {
    for (const [length, prints] of this.#prints) if (this.#holds(text, length, prints)) return true;
    return false;
  }

  /** Rolls a hash over the text (Rabin and Karp), and looks closer where it is that of a secret. */
  #holds(text: string, length: number, prints: ReadonlyMap<number, ReadonlySet<string>>): boolean {
    if (text.length < length) return false;
    let highest = 1;
    for (let i = 1; i < length; i++) highest = Math.imul(highest, this.#base);
    let hash = this.#quickOf(text.slice(0, length));
    for (let end = length; ; end++) {
      const full = prints.get(hash);
      if (full?.has(this.#fullOf(text.slice(end - length, end)))) return true;
      if (end >= text.length) return false;
      hash = (hash - Math.imul(text.charCodeAt(end - length), highest)) | 0;
      hash = (Math.imul(hash, this.#base) + text.charCodeAt(end)) | 0;
    }
  }

  #quickOf(piece: string): number {
    let hash = 0;
    for (let i = 0; i < piece.length; i++) hash = (Math.imul(hash, this.#base) + piece.charCodeAt(i)) | 0;
    return hash;
  }

  #fullOf(piece: string): string {
    return createHmac('sha256', this.#key).update(piece, 'utf16le').digest('base64');
  }
}
