// What a mailbox holds, read over the tests' own IMAP client.
import { type ImapClient, quoted } from './imap-client.ts';

export interface StoredMail {
  uid: number;
  /** System flags and keywords, as the server writes them: `\Seen`, `Agent/Quotes`. */
  flags: string[];
  internalDate: Date;
  raw: Buffer;
}

/** The mails of a mailbox, by UID. Without ` BODY.PEEK[]` in `more`, `raw` stays empty. */
export async function fetchMails(client: ImapClient, mailbox: string, more: string): Promise<StoredMail[]> {
  if (!(await examine(client, mailbox))) return [];
  const { responses } = await client.command(`UID FETCH 1:* (UID FLAGS INTERNALDATE${more})`);
  const mails: StoredMail[] = [];
  for (const { text, literals } of responses) {
    const uid = / FETCH \(.*?UID (\d+)/.exec(text);
    const date = /INTERNALDATE "([^"]+)"/.exec(text);
    if (!uid || !date) continue;
    const flags = /FLAGS \(([^)]*)\)/.exec(text)?.[1]?.split(' ') ?? [];
    mails.push({
      uid: Number(uid[1]),
      flags: flags.filter((flag) => flag !== '' && flag !== '\\Recent'),
      internalDate: new Date(String(date[1])),
      raw: literals[0] ?? Buffer.alloc(0),
    });
  }
  return mails.sort((a, b) => a.uid - b.uid);
}

/** Opens a mailbox anew, so that what others changed is seen. False when there is none. */
async function examine(client: ImapClient, mailbox: string): Promise<boolean> {
  return await client.command(`EXAMINE ${quoted(mailbox)}`).then(
    () => true,
    (error: unknown) => {
      if (String(error).includes('NONEXISTENT') || String(error).includes("doesn't exist")) return false;
      throw error;
    },
  );
}

/** date-time of RFC 3501 §9: `17-Jul-1996 02:44:25 +0000`. */
export function imapDate(date: Date): string {
  const [, day, month, year, time] = /, (\d+) (\w+) (\d+) ([\d:]+)/.exec(date.toUTCString()) ?? [];
  return `${day}-${month}-${year} ${time} +0000`;
}
