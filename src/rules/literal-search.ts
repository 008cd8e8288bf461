// Finds which of many literals are in a text, in one pass over it whatever their number (Aho and Corasick,
// 1975).

const ROOT = 0;

export class LiteralSearch {
  readonly #edges: EdgeTable;
  /** For each node: where to go on when no edge fits. */
  readonly #fail: Int32Array;
  /** For each node: the literal that ends there, or -1. */
  readonly #literal: Int32Array;
  /** For each node: the next node along the fail links at which a literal ends, or -1. */
  readonly #next: Int32Array;
  readonly #seenAt: Uint32Array;
  #run = 0;

  /** @param literals distinct and not empty */
  constructor(literals: readonly string[]) {
    const size = literals.reduce((sum, text) => sum + text.length, 1);
    this.#edges = new EdgeTable(size);
    this.#fail = new Int32Array(size);
    this.#literal = new Int32Array(size).fill(-1);
    this.#next = new Int32Array(size).fill(-1);
    this.#seenAt = new Uint32Array(literals.length);
    this.#link(this.#plant(literals));
  }

  /** Builds the tree. Returns [parent, code, node] for every edge, nearest to the root first. */
  #plant(literals: readonly string[]): [number, number, number][] {
    const levels: [number, number, number][][] = [];
    let count = 1;
    for (const [id, text] of literals.entries()) {
      let node = ROOT;
      for (let i = 0; i < text.length; i++) {
        const code = text.charCodeAt(i);
        let child = this.#edges.get(node, code);
        if (child < 0) {
          child = count++;
          this.#edges.set(node, code, child);
          levels[i] ??= [];
          levels[i]?.push([node, code, child]);
        }
        node = child;
      }
      this.#literal[node] = id;
    }
    return levels.flat();
  }

  #link(edges: readonly [number, number, number][]): void {
    for (const [parent, code, node] of edges) {
      if (parent === ROOT) continue;
      const target = this.#step(this.#fail[parent] as number, code);
      this.#fail[node] = target;
      this.#next[node] = (this.#literal[target] as number) >= 0 ? target : (this.#next[target] as number);
    }
  }

  #step(from: number, code: number): number {
    let node = from;
    for (;;) {
      const child = this.#edges.get(node, code);
      if (child >= 0) return child;
      if (node === ROOT) return ROOT;
      node = this.#fail[node] as number;
    }
  }

  /** Calls `found` once for each literal that is in the text, with its place in the list. */
  search(text: string, found: (literal: number) => void): void {
    const run = this.#nextRun();
    let node = ROOT;
    for (let i = 0; i < text.length; i++) {
      node = this.#step(node, text.charCodeAt(i));
      let end = (this.#literal[node] as number) >= 0 ? node : (this.#next[node] as number);
      for (; end >= 0; end = this.#next[end] as number) {
        const literal = this.#literal[end] as number;
        if (this.#seenAt[literal] === run) break; // what is further along the links was seen with it
        this.#seenAt[literal] = run;
        found(literal);
      }
    }
  }

  #nextRun(): number {
    this.#run = (this.#run + 1) >>> 0;
    if (this.#run === 0) {
      this.#seenAt.fill(0);
      this.#run = 1;
    }
    return this.#run;
  }
}

/**
 * (node, code unit) -> node, by open addressing: a Map for each of 100,000 nodes would take tens of
 * megabytes.
 */
class EdgeTable {
  readonly #mask: number;
  readonly #nodes: Int32Array;
  readonly #codes: Uint16Array;
  readonly #targets: Int32Array;

  constructor(count: number) {
    let size = 16;
    while (size < count * 2) size *= 2;
    this.#mask = size - 1;
    this.#nodes = new Int32Array(size).fill(-1);
    this.#codes = new Uint16Array(size);
    this.#targets = new Int32Array(size);
  }

  #slot(node: number, code: number): number {
    let slot = (Math.imul(node, 0x9e3779b1) ^ Math.imul(code, 0x85ebca6b)) >>> 0;
    slot = (slot ^ (slot >>> 15)) & this.#mask;
    while (this.#nodes[slot] !== -1 && (this.#nodes[slot] !== node || this.#codes[slot] !== code)) {
      slot = (slot + 1) & this.#mask;
    }
    return slot;
  }

  get(node: number, code: number): number {
    const slot = this.#slot(node, code);
    return this.#nodes[slot] === -1 ? -1 : (this.#targets[slot] as number);
  }

  set(node: number, code: number, target: number): void {
    const slot = this.#slot(node, code);
    this.#nodes[slot] = node;
    this.#codes[slot] = code;
    this.#targets[slot] = target;
  }
}
