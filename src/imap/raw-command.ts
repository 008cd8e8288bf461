// One IMAP command in tokens. ImapFlow's own `search` rewrites dates into seconds, keeps a refusal's reason to itself
// and knows no list of criteria that must all hold; so searches are said in the grammar of RFC 9051 §9 itself, over the
// method that the library's own commands use. ImapFlow is pinned, and the tests against real servers hold this seam.
import type { ImapConnection } from './connection.ts';

export type Token = Atom | Text | Octets | Sequence | Token[];
interface Atom {
  type: 'ATOM';
  value: string;
}
/** A quoted string: ASCII in one line. */
interface Text {
  type: 'STRING';
  value: string;
}
interface Octets {
  type: 'LITERAL';
  value: Buffer;
}
interface Sequence {
  type: 'SEQUENCE';
  value: string;
}

/** A token of an answer; a parenthesised group is a list. */
export type AnswerToken = { type: string; value?: unknown } | null | AnswerToken[];

interface Untagged {
  attributes?: AnswerToken[];
}

interface CommandRunner {
  /** Ends an IDLE that is under way; there while one is. */
  preCheck?: (() => Promise<void>) | false;
  exec(
    command: string,
    attributes: readonly Token[],
    options: { untagged: Record<string, (untagged: Untagged) => Promise<void>> },
  ): Promise<{ response: Untagged; next(): void }>;
}

/** Sends a command and gives each untagged answer of the named kinds to its listener. Throws what ImapFlow throws. */
export async function rawCommand(
  connection: ImapConnection,
  command: string,
  tokens: readonly Token[],
  listeners: Record<string, (tokens: readonly AnswerToken[]) => void>,
): Promise<void> {
  const untagged = Object.fromEntries(
    Object.entries(listeners).map(([kind, listen]) => [
      kind,
      async ({ attributes }: Untagged) => listen(attributes ?? []),
    ]),
  );
  const runner = connection.client as unknown as CommandRunner;
  // The library's own commands do this too: one that is said into an IDLE waits for its end.
  if (runner.preCheck) await runner.preCheck();
  const { next } = await runner.exec(command, tokens, { untagged });
  next();
}

export const atom = (value: string): Atom => ({ type: 'ATOM', value });
export const sequence = (value: string): Sequence => ({ type: 'SEQUENCE', value });

/** A string of the grammar: quoted where it is ASCII, else a literal of UTF-8. */
export const text = (value: string): Text | Octets =>
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the bound of ASCII
  /^[\x01-\x7f]*$/.test(value)
    ? { type: 'STRING', value }
    : { type: 'LITERAL', value: Buffer.from(value, 'utf8') };
