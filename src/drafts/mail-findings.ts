// What is found in a mail that an agent wrote: its words are made fit to leave, its links are held against those of the
// conversation, and nothing in it or in its files may be a secret.
import type { Account } from '../accounts/accounts.ts';
import type { KnownSecrets } from '../accounts/known-secrets.ts';
import type { DraftAttachment } from '../contracts/draft.ts';
import type { Address } from '../contracts/mail.ts';
import { domainOf } from '../mail/trust/domains.ts';
import type { Blobs } from '../objects/blobs.ts';
import { cleanWords, type Words } from '../policy/hygiene.ts';
import { judgeLink, type KnownLinks, type Link } from '../policy/links.ts';
import { type Finding, finding } from '../policy/rules.ts';
import { findSecrets } from '../policy/secrets.ts';
import type { Store } from '../store/store.ts';

const MOST_MAILS = 50; // of a conversation, the newest: what is older is hardly linked to
const MAIL_CHARS = 100_000; // of each
const RAW_CHARS = 300_000; // of what was written, also where it is taken out again
const FILE_BYTES = 2 * 1024 * 1024; // of each file, its beginning
const FILES_BYTES = 8 * 1024 * 1024; // of all of them
const MOST_FINDINGS = 40; // a mail with hundreds of bad links is bad enough

export interface FindingParts {
  store: Store;
  /** Without it only what looks like a secret is found. */
  secrets?: Pick<KnownSecrets, 'finder'>;
  blobs: Blobs;
}

export interface FoundMail {
  /** As they may leave. */
  words: Words;
  /** What a reader sees of them. */
  seen: string;
  findings: Finding[];
}

export async function findingsOf(
  parts: FindingParts,
  account: Account,
  threadId: string,
  written: Words & { links?: readonly Link[] },
  files: readonly { file: DraftAttachment; isMade: boolean }[],
  people: readonly Address[],
): Promise<FoundMail> {
  const {
    words,
    seen,
    links: ofLinks,
    findings: ofWords,
  } = cleanWords(written, new Set(files.flatMap(({ file }) => file.content_id ?? [])));
  const links = [...ofLinks, ...(written.links ?? [])];
  const known = links.length === 0 ? NOTHING_KNOWN : await knownLinks(parts.store, account, threadId);
  const isOurs = (await parts.secrets?.finder()) ?? (() => false);
  const raw = [written.subject, written.text, written.html].join('\n').slice(0, RAW_CHARS);
  // Names are the agent's words too, and so is all of an address in front of a domain that takes any.
  const names = [
    ...files.map(({ file }) => file.filename),
    ...people.flatMap(({ name, address }) => [name, address]),
  ].join('\n');
  const inFiles = await textsOf(
    parts,
    files.filter(({ isMade }) => isMade).map(({ file }) => file),
  );
  const found = [
    ...ofWords,
    ...links.flatMap((link) => judgeLink(link, known)),
    ...[seen, raw, names, ...inFiles].flatMap((text) => findSecrets(text, isOurs)),
  ];
  return { words, seen, findings: distinct(found) };
}

const NOTHING_KNOWN: KnownLinks = { domains: [], stands: () => false };

async function knownLinks({ db }: Store, account: Account, threadId: string): Promise<KnownLinks> {
  const rows = await db
    .selectFrom('messages')
    .leftJoin('contents', 'contents.message_id', 'messages.id')
    .select(['messages.from_address', 'contents.text', 'contents.html'])
    .where('messages.account_id', '=', account.id)
    .where('messages.thread_id', '=', threadId)
    .orderBy('messages.arrived_at', 'desc')
    .limit(MOST_MAILS)
    .execute();
  const texts = rows.flatMap(({ text, html }) =>
    [text, html?.replaceAll('&amp;', '&')].map((one) => (one ?? '').slice(0, MAIL_CHARS)),
  );
  const domains = new Set([domainOf(account.settings.address)]);
  for (const { from_address: from } of rows) if (from !== null) domains.add(domainOf(from));
  for (const text of texts)
    for (const [, host = ''] of text.matchAll(/https?:\/\/([a-z0-9.-]{1,253})/gi))
      domains.add(host.toLowerCase());
  return { domains: [...domains], stands: (href) => texts.some((text) => text.includes(href)) };
}

/** What stands in files that can be read as text, and in others as far as it stands there plainly. */
async function textsOf({ blobs }: FindingParts, files: readonly DraftAttachment[]): Promise<string[]> {
  const texts: string[] = [];
  let left = FILES_BYTES;
  for (const { object_id: id } of files) {
    if (left <= 0) break;
    const pieces: Buffer[] = [];
    let size = 0;
    const stream = await (await blobs.find(id)).open();
    for await (const piece of stream as AsyncIterable<Buffer>) {
      pieces.push(piece);
      size += piece.length;
      if (size >= Math.min(FILE_BYTES, left)) break;
    }
    stream.destroy();
    left -= size;
    const bytes = Buffer.concat(pieces);
    // Text of two octets a letter has a NUL in every other place.
    texts.push(bytes.includes(0) ? bytes.toString('latin1').replaceAll('\0', '') : bytes.toString('utf8'));
  }
  return texts;
}

function distinct(findings: readonly Finding[]): Finding[] {
  const seen = new Map<string, Finding>();
  for (const one of findings) seen.set(`${one.rule}\n${one.text}`, one);
  const all = [...seen.values()];
  if (all.length <= MOST_FINDINGS) return all;
  // What refuses comes first, so that none of it is cut off.
  const order = { refuse: 0, remove: 1, ask: 2, note: 3 };
  const kept = all.sort((a, b) => order[a.effect] - order[b.effect]).slice(0, MOST_FINDINGS);
  return [...kept, finding('odd_link', `There are ${all.length - MOST_FINDINGS} more like these.`)];
}
