// What a proof is: a law of the design, run many times over under bad conditions, and counted.

export interface ProofOptions {
  /** The form for CI: the same conditions, fewer times, under a minute. */
  quick: boolean;
  /** What a random proof draws its plan from. The times at which things happen are the machine's, so a run with the same
   * seed is alike, not equal. */
  seed: number;
  /** Tells of the progress, line by line. */
  tell: (line: string) => void;
}

export interface Verdict {
  holds: boolean;
  /** One line, such as `kills: 50, mails 312, lost 0`. */
  figures: string;
}

export interface Proof {
  name: string;
  summary: string;
  run(options: ProofOptions): Promise<Verdict>;
}
