// Search criteria as the search keys of RFC 9051 §6.4.4. Pure.
import type { SearchCriteria } from '../contracts/connector.ts';
import { PosternError } from '../kernel/errors.ts';
import { atom, sequence, type Token, text } from './raw-command.ts';

const MAX_GROUPS = 200; // servers walk the tree for every message

const TEXTS = ['from', 'to', 'cc', 'bcc', 'subject', 'body', 'text'] as const;
const FLAGS = ['seen', 'answered', 'flagged', 'draft', 'deleted'] as const;
const DAYS = {
  since: 'SINCE',
  before: 'BEFORE',
  on: 'ON',
  sent_since: 'SENTSINCE',
  sent_before: 'SENTBEFORE',
  sent_on: 'SENTON',
} as const;
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/**
 * The keys with the charset before them where a text is not ASCII.
 * @param offers tells whether the server has a capability
 * @throws PosternError `search_unsupported` for what this server cannot search by, `invalid_input` for too large a tree
 */
export function searchKeys(criteria: SearchCriteria, offers: (capability: string) => boolean): Token[] {
  let groups = 0;

  const needs = (capability: string, what: string): void => {
    if (offers(capability)) return;
    throw new PosternError('search_unsupported', `This server cannot search by ${what}.`, {
      hint: `It would have to offer ${capability}.`,
    });
  };

  const keysOf = (from: SearchCriteria): Token[] => {
    if (++groups > MAX_GROUPS) {
      throw new PosternError('invalid_input', `A search has at most ${MAX_GROUPS} groups of criteria.`);
    }
    const keys: Token[] = [];
    for (const name of TEXTS) {
      const value = from[name];
      if (value !== undefined) keys.push(atom(name.toUpperCase()), text(value));
    }
    if (from.message_id !== undefined)
      keys.push(atom('HEADER'), text('Message-ID'), text(from.message_id.trim()));
    for (const { name, value } of from.header ?? []) keys.push(atom('HEADER'), text(name), text(value ?? ''));
    for (const [name, key] of Object.entries(DAYS)) {
      const value = from[name as keyof typeof DAYS];
      if (value !== undefined) keys.push(atom(key), atom(imapDay(value)));
    }
    if (from.larger !== undefined) keys.push(atom('LARGER'), atom(String(from.larger)));
    if (from.smaller !== undefined) keys.push(atom('SMALLER'), atom(String(from.smaller)));
    for (const name of FLAGS) {
      const value = from[name];
      if (value !== undefined) keys.push(atom(value ? name.toUpperCase() : `UN${name.toUpperCase()}`));
    }
    for (const name of from.keyword ?? []) keys.push(atom('KEYWORD'), atom(name));
    for (const name of from.unkeyword ?? []) keys.push(atom('UNKEYWORD'), atom(name));
    if (from.uid !== undefined) keys.push(atom('UID'), sequence(from.uid));
    if (from.modseq !== undefined) {
      needs('CONDSTORE', 'modification sequence');
      keys.push(atom('MODSEQ'), atom(String(from.modseq)));
    }
    if (from.gmail_raw !== undefined) {
      needs('X-GM-EXT-1', "Gmail's own search");
      keys.push(atom('X-GM-RAW'), text(from.gmail_raw));
    }
    for (const inner of from.and ?? []) keys.push(...keysOf(inner));
    if (from.or) keys.push(...anyOf(from.or.map(keysOf)));
    if (from.not) keys.push(atom('NOT'), keysOf(from.not));
    return keys.length > 0 ? keys : [atom('ALL')];
  };

  const keys = keysOf(criteria);
  return hasOctets(keys) ? [atom('CHARSET'), atom('UTF-8'), ...keys] : keys;
}

/** OR takes two keys: a, b and c are OR (a) (OR (b) (c)). One alone stands for itself. */
function anyOf(groups: readonly Token[][]): Token[] {
  const [first = [], ...rest] = groups;
  return rest.length === 0 ? first : [atom('OR'), first, anyOf(rest)];
}

const hasOctets = (tokens: readonly Token[]): boolean =>
  tokens.some((token) => (Array.isArray(token) ? hasOctets(token) : token.type === 'LITERAL'));

/** `2026-11-05` as `5-Nov-2026`. */
function imapDay(iso: string): string {
  const [year = '', month = '', day = ''] = iso.split('-');
  return `${Number(day)}-${MONTHS[Number(month) - 1]}-${year}`;
}
