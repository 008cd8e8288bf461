// Bytes of which nobody knows how many will come, put together as they come. A list of the pieces would weigh hundreds of
// times what they hold where the other side sends each octet by itself.

const FIRST_BYTES = 16 * 1024; // most answers fit

export class Gathered {
  #room = Buffer.alloc(0);
  #size = 0;

  get size(): number {
    return this.#size;
  }

  add(piece: Uint8Array): void {
    const size = this.#size + piece.length;
    if (size > this.#room.length) {
      const room = Buffer.allocUnsafeSlow(Math.max(FIRST_BYTES, size, 2 * this.#room.length));
      this.#room.copy(room, 0, 0, this.#size);
      this.#room = room;
    }
    this.#room.set(piece, this.#size);
    this.#size = size;
  }

  text(): string {
    return this.#room.toString('utf8', 0, this.#size);
  }
}
