// What tokens and keys of this gateway look like, wherever one of them stands in a text.

/** Keys of users, tokens of sessions, secrets of webhooks. */
export const OWN_TOKEN = /postern_[A-Za-z0-9_-]{30,}|pst_[A-Za-z0-9_-]{32,}|whsec_[A-Za-z0-9+/_-]{24,}/;
