// What a broadcast says and to whom, as the bytes that are approved: a line of JSON with account, template and data, and one
// for each recipient. The approval names their digest, and each mail is made from them and nothing else.
import { createHash } from 'node:crypto';
import type { Address } from '../contracts/mail.ts';
import { PosternError } from '../kernel/errors.ts';
import type { FrozenTemplate } from '../outbound/frozen-template.ts';
import type { Recipient } from './recipients.ts';

export interface BroadcastHead {
  format: 1;
  name: string;
  /** What one unsubscribes from: the digest's name, or the broadcast's. */
  list: string;
  accountId: string;
  from: Address;
  template: FrozenTemplate;
  /** Instead of the template's own. */
  subject: string | null;
  data: Readonly<Record<string, unknown>>;
  language: string | null;
  timezone: string | null;
  unsubscribe: boolean;
  /** RFC 2919. */
  listId: string;
  /** What dates are told in relation to, epoch milliseconds. */
  madeAt: number;
}

export interface BroadcastContent {
  head: BroadcastHead;
  recipients: Recipient[];
}

export const MOST_CONTENT_BYTES = 64 * 1024 * 1024; // 100,000 recipients with 600 bytes of their own each; it is held in memory

export function writeContent({ head, recipients }: BroadcastContent): Buffer {
  const lines = [
    head,
    ...recipients.map(({ address, name, language, fields }) => [address, name, language, fields]),
  ];
  return Buffer.from(`${lines.map((line) => JSON.stringify(line)).join('\n')}\n`);
}

export const digestOfContent = (bytes: Uint8Array): string =>
  `sha256:${createHash('sha256').update(bytes).digest('hex')}`;

/** @throws PosternError `broadcast_damaged` where the bytes are not those of the digest */
export function readContent(bytes: Buffer, digest: string): BroadcastContent {
  if (digestOfContent(bytes) !== digest)
    throw new PosternError(
      'broadcast_damaged',
      'The broadcast was changed in the ledger: its content does not have its digest.',
      { hint: 'Cancel it, and make it anew.' },
    );
  const [head = '', ...rows] = bytes.toString('utf8').trimEnd().split('\n');
  return {
    head: JSON.parse(head) as BroadcastHead,
    recipients: rows.map((row): Recipient => {
      const [address, name, language, fields] = JSON.parse(row) as [
        string,
        string,
        string | null,
        Record<string, unknown>,
      ];
      return { address, name, language, fields };
    }),
  };
}
