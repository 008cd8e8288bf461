// How long and how large a soak is.

export interface Size {
  accounts: number;
  soakMs: number;
  /** From one start of the gateway that is killed to its end. */
  lifeMs: number;
  /** Between two restarts of the IMAP server. */
  restartEveryMs: number;
  /** Between two mails, over all accounts. */
  mailEveryMs: number;
}

export const FULL: Size = {
  accounts: 300,
  soakMs: 20 * 60_000,
  lifeMs: 60_000,
  restartEveryMs: 4 * 60_000,
  mailEveryMs: 250,
};

/** Three kills and one restart, under a minute in all. */
export const QUICK: Size = {
  accounts: 20,
  soakMs: 24_000,
  lifeMs: 6_000,
  restartEveryMs: 11_000,
  mailEveryMs: 100,
};
