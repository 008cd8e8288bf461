// Who we say we are (RFC 2971). ImapFlow says it where the server announces ID. Some servers refuse mailboxes to clients
// that have not said it after signing in, and not all of those announce it: there it is said in any case.
import type { ImapFlow } from 'imapflow';

export const CLIENT_INFO = { name: 'Postern', version: '1', vendor: 'Postern' } as const;

/** The method that the library's own commands use. */
interface CommandRunner {
  exec(command: string, attributes: readonly (readonly string[])[]): Promise<{ next(): void }>;
}

/** A server that does not know the command may say so: it then does not need it. */
export async function sendClientId(client: ImapFlow): Promise<void> {
  try {
    const { next } = await (client as unknown as CommandRunner).exec('ID', [
      Object.entries(CLIENT_INFO).flat(),
    ]);
    next();
  } catch (error) {
    if ((error as { responseStatus?: string }).responseStatus === undefined) throw error;
  }
}
