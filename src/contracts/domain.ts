// A domain that mail is sent from: its DKIM keys, and what is right and wrong with its records in the DNS.
import { z } from 'zod';

export const dkimAlgorithm = z.enum(['rsa', 'ed25519']);
export type DkimAlgorithm = z.infer<typeof dkimAlgorithm>;

/**
 * `pending`: made, and its record was not seen yet, or not for long enough. `active`: signs. `retiring`: signs no more, and
 * its record has to stay for what is on its way. `retired`: its private half is gone, and its record may go.
 */
export const dkimKeyState = z.enum(['pending', 'active', 'retiring', 'retired']);
export type DkimKeyState = z.infer<typeof dkimKeyState>;

export const selector = z
  .string()
  .toLowerCase()
  .max(63)
  .regex(/^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?$/, 'use letters, digits and hyphens');

/** A record as a person enters it at whoever runs the DNS of the domain. */
export const dnsRecord = z.object({
  type: z.enum(['TXT', 'MX', 'PTR', 'CNAME']),
  /** In full, without a dot at its end. */
  name: z.string(),
  value: z.string(),
  /** The same as a line of a zone file: a long text in strings of 255 octets at most. */
  zone: z.string(),
});
export type DnsRecord = z.infer<typeof dnsRecord>;

export const dkimKeyView = z.object({
  id: z.string(),
  selector: z.string(),
  algorithm: dkimAlgorithm,
  bits: z.number().int(),
  state: dkimKeyState,
  /** What to publish, and to leave there until the key is retired. */
  record: dnsRecord,
  /** What the last look found wrong with the record; null: nothing, or it was not looked at. */
  problem: z.string().nullable(),
  /** Since when every look has found the record, epoch milliseconds; null: the last one did not. */
  seen_at: z.number().int().nullable(),
  checked_at: z.number().int().nullable(),
  created_at: z.number().int(),
  active_at: z.number().int().nullable(),
  /** When another took over; its record has to stay until `retire_at`. */
  retiring_at: z.number().int().nullable(),
  retire_at: z.number().int().nullable(),
  retired_at: z.number().int().nullable(),
});
export type DkimKeyView = z.infer<typeof dkimKeyView>;

export const domainView = z.object({
  id: z.string(),
  name: z.string(),
  /** Whether mail from it is signed now. */
  signs: z.boolean(),
  keys: z.array(dkimKeyView),
  created_at: z.number().int(),
  updated_at: z.number().int(),
});
export type DomainView = z.infer<typeof domainView>;

/** A domain name as people write it; which one is meant is decided where it is looked up. */
export const domainText = z.string().trim().min(1).max(300);

export const newKey = z.strictObject({
  algorithm: dkimAlgorithm.default('rsa'),
  /** The label before `._domainkey`; by default one with the date. */
  selector: selector.optional(),
  /** PEM of a key that there is already: RSA of 1024 to 4096 bits, or Ed25519. By default one is made. */
  private_key: z.string().min(1).max(16_384).optional(),
});
export type NewKey = z.infer<typeof newKey>;

export const domainInput = z.strictObject({
  domain: domainText,
  /** Makes an Ed25519 key beside the RSA one: mail is then signed by both. */
  ed25519: z.boolean().default(false),
});
export type DomainInput = z.infer<typeof domainInput>;

export const findingLevel = z.enum(['ok', 'info', 'warning', 'error']);
export type FindingLevel = z.infer<typeof findingLevel>;

export const findingArea = z.enum(['domain', 'spf', 'dkim', 'dmarc', 'mx', 'reverse', 'transport', 'brand']);
export type FindingArea = z.infer<typeof findingArea>;

export const finding = z.object({
  area: findingArea,
  level: findingLevel,
  /** Stable, in snake case. */
  code: z.string(),
  message: z.string(),
  /** What to publish so that it is right; null where nothing is to be published. */
  record: dnsRecord.nullable(),
});
export type Finding = z.infer<typeof finding>;

export const domainCheck = z.object({
  domain: z.string(),
  /** The worst of the findings. */
  level: findingLevel,
  /** No finding is an error. */
  ok: z.boolean(),
  findings: z.array(finding),
  /** How many questions were put to the DNS. */
  questions: z.number().int(),
  checked_at: z.number().int(),
});
export type DomainCheck = z.infer<typeof domainCheck>;
