// What the sandbox uses of hoodiecrow-imap, which comes without types.
declare module 'hoodiecrow-imap' {
  import type { EventEmitter } from 'node:events';
  import type { Server, Socket } from 'node:net';

  export interface StoredMessage {
    uid: number;
    flags: string[];
    internaldate: string;
    /** One character for each octet. */
    raw: string;
  }

  export interface StoredMailbox {
    path: string;
    uidvalidity: number;
    messages: StoredMessage[];
  }

  export interface Connection {
    socket: Socket | null;
    /** Takes the client's next line while it is in IDLE. */
    inputHandler: ((line: string) => void) | false;
  }

  export interface MailboxTree {
    [name: string]: {
      'special-use'?: string;
      uidvalidity?: number;
      folders?: MailboxTree;
    };
  }

  export interface HoodiecrowServer extends EventEmitter {
    server: Server;
    connectionHandlers: ((connection: Connection) => void)[];
    getMailbox(path: string): StoredMailbox | undefined;
    appendMessage(
      mailbox: StoredMailbox | string,
      flags: string[],
      internalDate: Date | string,
      raw: string,
    ): { mailbox: StoredMailbox; message: StoredMessage };
    listen(port: number, host: string, listening: () => void): void;
    close(closed?: () => void): void;
  }

  export default function hoodiecrow(options: {
    plugins: string[];
    users: Record<string, { password: string }>;
    storage: MailboxTree;
    systemFlags?: string[];
    /** Where present, the library's own certificate is not read. */
    credentials?: object;
  }): HoodiecrowServer;
}
