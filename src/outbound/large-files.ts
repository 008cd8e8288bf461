// Files that are too large for a mail: the largest become links until the mail is as small as its account and its server
// take it. Their bytes stay in the store where they are; the mail tells name, size and how long they can be fetched.
import type { Account } from '../accounts/accounts.ts';
import type { DraftAttachment, DraftContent, FileLink } from '../contracts/draft.ts';
import type { Composer } from '../drafts/composer.ts';
import { attachedAgain, type Spill, type Spilled } from '../drafts/spill.ts';
import type { Clock } from '../kernel/clock.ts';
import { durationMs } from '../kernel/duration.ts';
import { PosternError } from '../kernel/errors.ts';
import { htmlToText } from '../mail/html.ts';
import { languageOf } from '../mail/language.ts';
import { type Links, type NewLink, newLinkToken } from '../objects/links.ts';
import { encodedOctets, mostEncodedOctets } from './encoded-size.ts';
import { htmlWithLinks, speaks, textWithLinks } from './link-block.ts';

const DAY_MS = 24 * 3_600_000;
/** A Date, a signature and what relays count: in front of the mail as it is measured here. */
const TOP_OCTETS = 4096;

export interface LargeFileParts {
  compose: Composer;
  links: Pick<Links, 'record'>;
  clock: Clock;
  /** How recipients reach the gateway; null: nobody has said, and links would lead to this machine alone. */
  publicUrl: string | null;
  /** The SIZE that the account's server announced when it was last spoken to; undefined: not known. */
  serverLimit: (accountId: string) => number | undefined;
}

export function largeFiles(parts: LargeFileParts): Spill {
  return async (before, account) => {
    const content = attachedAgain(before);
    const { mode } = account.settings.links;
    if (content.attachments.length === 0) return asItIs(content);
    const limit = limitOf(account, parts.serverLimit(account.id));
    const canLink = mode !== 'never' && parts.publicUrl !== null;
    if (mode !== 'always' || !canLink) {
      if (mostEncodedOctets(content) <= limit) return asItIs(content);
      const octets = await encodedOctets(parts.compose, content);
      if (octets <= limit) return asItIs(content);
      if (!canLink) throw tooLarge(octets, limit, mode === 'never' ? NEVER_HINT : NO_URL_HINT);
    }
    return linked(parts, content, account, limit);
  };
}

async function linked(
  parts: LargeFileParts,
  content: DraftContent,
  account: Account,
  limit: number,
): Promise<Spilled> {
  const { mode } = account.settings.links;
  const language = content.language ?? (await written(content));
  const bySize = content.attachments
    .filter(({ disposition }) => disposition !== 'inline') // the HTML shows those where they stand
    .sort((one, other) => other.size - one.size);
  const made = new Map<DraftAttachment, MadeLink>();
  for (;;) {
    const kept = content.attachments.filter((file) => !made.has(file));
    const links = content.attachments.flatMap((file) => made.get(file)?.shown ?? []);
    const spilled: DraftContent = {
      ...content,
      attachments: kept,
      ...(links.length === 0 ? {} : { links }),
      ...(links.length === 0 || language === undefined ? {} : { language }),
    };
    const worded = withBlock(spilled, language ?? 'en');
    const octets = await encodedOctets(parts.compose, worded);
    const next = bySize.shift();
    if (octets <= limit && (mode !== 'always' || next === undefined)) {
      const rows = [...made.values()].map(({ row }) => row);
      if (rows.length === 0) return asItIs(spilled);
      const record: Spilled['record'] = (tx, draftId, version) =>
        parts.links.record(tx, rows, { accountId: account.id, draftId, version });
      return { content: spilled, worded, record };
    }
    if (next === undefined) throw tooLarge(octets, limit, 'Its words and its pictures alone are too large.');
    made.set(next, linkTo(next, account, parts.clock.now(), parts.publicUrl as string));
  }
}

interface MadeLink {
  shown: FileLink;
  row: NewLink;
}

function linkTo(file: DraftAttachment, account: Account, now: number, publicUrl: string): MadeLink {
  const { expires, max_downloads = null } = account.settings.links;
  const { id, token } = newLinkToken(now);
  const { object_id, filename, content_type, size, sha256 } = file;
  const expires_at = endOf(now, durationMs(expires));
  const named = { object_id, filename, content_type, size, expires_at };
  return {
    shown: { ...named, link_id: id, url: `${publicUrl}/d/${token}`, sha256 },
    row: { ...named, id, token, max_downloads },
  };
}

/** To the end of a day in UTC, so that what the mail says holds all that day; to the minute where it is hours. */
const endOf = (now: number, ms: number): number =>
  ms < DAY_MS ? now + ms : Math.ceil((now + ms) / DAY_MS) * DAY_MS;

function withBlock(content: DraftContent, language: string): DraftContent {
  const { links = [], text, html } = content;
  if (links.length === 0) return content;
  return {
    ...content,
    text: textWithLinks(text, links, language),
    html: html === null ? null : htmlWithLinks(html, links, language),
  };
}

/** The language that the mail is written in, where the block can be. */
async function written({ text, html }: DraftContent): Promise<string | undefined> {
  const found = await languageOf(text.trim() === '' && html !== null ? htmlToText(html) : text);
  return speaks(found) ? found : undefined;
}

function limitOf({ settings }: Account, server: number | undefined): number {
  const own = settings.max_message_bytes;
  // Some servers announce SIZE 0, which says nothing (RFC 1870 §4).
  return server === undefined || server === 0 ? own : Math.max(0, Math.min(own, server - TOP_OCTETS));
}

const asItIs = (content: DraftContent): Spilled => ({ content, worded: content, record: null });

const NEVER_HINT = 'Send fewer or smaller files, or let the account send them as links (links.mode: auto).';
const NO_URL_HINT =
  'Send fewer or smaller files, or set POSTERN_PUBLIC_URL, so that large ones can go as links to this gateway.';

const tooLarge = (octets: number, limit: number, hint: string): PosternError =>
  new PosternError(
    'message_too_large',
    `The mail would have ${octets} bytes, and the account and its server take at most ${limit}.`,
    { hint },
  );
