// Makes the conditions of a rule ready: each word of `when` becomes a check.
import type { AttachmentCondition, Condition, Names } from '../contracts/rule-condition.ts';
import {
  type Anchor,
  allOf,
  anyOf,
  type Check,
  type Key,
  literalAnchors,
  NOT_KNOWN,
  needing,
  negated,
} from './checks.ts';
import {
  addressCheck,
  itemTest,
  nameCheck,
  type Place,
  readItems,
  shownList,
  textCheck,
} from './list-checks.ts';
import { accountForm, flagForm, type MailView, mailboxForm, type RuleInput } from './mail-view.ts';
import { isPlain, textPattern, wholePattern } from './pattern.ts';
import { comparison } from './quantity.ts';
import { sentCheck } from './sent.ts';
import type { TextForm } from './text.ts';

const MAX_NESTING = 16; // deeper than a person can read, and well within the stack
const COST = { compare: 1, attachment: 8 };
const RANK = { header: 6, type: 8, attachment: 9, account: 10, mailbox: 11 };
/** Headers that most mail has: looking one up leaves nothing out. */
const COMMON_HEADER =
  /^(from|to|subject|date|message-id|received|mime-version|content-.*|dkim-signature|return-path|references)$/;

/**
 * One check for the whole of a `when`.
 * @param place where it stands; its name is empty at the top
 * @param timezone whose clock counts where `sent` names none
 */
export function compileCondition(condition: Condition, place: Place, timezone = 'UTC', depth = 0): Check {
  const { path, report } = place;
  if (depth > MAX_NESTING) {
    report(path, `\`all\`, \`any\` and \`not\` are nested more than ${MAX_NESTING} deep`);
    return allOf([]);
  }
  const at = (word: string, ...more: (string | number)[]): Place => ({
    name: [place.name, word].filter(Boolean).join('.'),
    path: [...path, word, ...more],
    report,
  });
  const list = (items: Condition[], word: string): Check[] =>
    items.map((item, i) => compileCondition(item, at(word, i), timezone, depth + 1));

  const checks = plainChecks(condition, at, timezone);
  if (condition.all) checks.push(allOf(list(condition.all, 'all')));
  if (condition.any) checks.push(anyOf(list(condition.any, 'any')));
  if (condition.not) {
    const inner = compileCondition(condition.not, at('not'), timezone, depth + 1);
    checks.push(negated(inner, at('not').name, `not ${written(condition.not)}`));
  }
  return allOf(checks);
}

function plainChecks(
  condition: Condition,
  at: (word: string, ...more: string[]) => Place,
  timezone: string,
): Check[] {
  const { from, to, cc, reply_to, subject, text, header, list_id, type, attachment } = condition;
  const { size, flag, mailbox, account, thread, trust, kind, sent } = condition;
  const checks: (Check | undefined)[] = [
    from && addressCheck('from', (view) => view.from, from, at('from')),
    to && addressCheck('to', (view) => view.to, to, at('to')),
    cc && addressCheck('cc', (view) => view.cc, cc, at('cc')),
    reply_to && addressCheck('reply_to', (view) => view.replyTo, reply_to, at('reply_to')),
    subject &&
      textCheck(
        (view) => [view.subject],
        'part',
        subject,
        at('subject'),
        (needs) => literalAnchors('subject', needs),
      ),
    text && bodyCheck(text, at('text')),
    list_id &&
      textCheck(
        (view) => view.listIds,
        'whole',
        list_id,
        at('list_id'),
        (needs) => [...literalAnchors('list_id', needs), ...headerAnchors('list-id')],
      ),
    type && nameCheck((view) => view.types, lower, type, at('type'), typeAnchors),
    flag && flagCheck(flag, at('flag')),
    mailbox && nameCheck((view) => [view.mailbox], mailboxForm, mailbox, at('mailbox'), mailboxAnchors),
    account && nameCheck((view) => [view.account], accountForm, account, at('account'), accountAnchors),
    size === undefined ? undefined : sizeCheck(size, at('size')),
    thread && threadCheck(thread, at('thread')),
    trust && trustCheck(trust, at('trust')),
    kind &&
      nameCheck(
        ({ input }) => (input.kind ? [input.kind] : []),
        lower,
        kind,
        at('kind'),
        () => [],
      ),
    sent && sentCheck(sent, timezone, at('sent')),
    attachment === undefined ? undefined : attachmentCheck(attachment, at('attachment')),
  ].map((check) => check || undefined);
  for (const [name, names] of Object.entries(header ?? {})) {
    const key = name.toLowerCase();
    const place = { ...at('header', name), name: `${at('header').name}.${name}` };
    checks.push(
      textCheck(
        (view) => view.header(key),
        'part',
        names,
        place,
        (needs) => [...literalAnchors(`header ${key}`, needs), ...headerAnchors(key)],
      ),
    );
  }
  return checks.filter((check) => check !== undefined);
}

function bodyCheck(text: Names, place: Place): Check {
  const values = (view: MailView): readonly TextForm[] => [view.text];
  return needing(
    'text',
    textCheck(values, 'part', text, place, (needs) => literalAnchors('text', needs)),
  );
}

function flagCheck(flag: Names, place: Place): Check {
  const values = (view: MailView): readonly string[] => view.flags;
  const check = nameCheck(values, lower, withoutBackslash(flag), place, () => []);
  return needing('flags', check);
}

/** `\Seen` is a name with a backslash of its own, in a language where a backslash takes a meaning away. */
function withoutBackslash(flag: string | string[]): string | string[] {
  const one = (item: string): string =>
    item.startsWith('!') ? `!${flagForm(item.slice(1))}` : flagForm(item);
  return Array.isArray(flag) ? flag.map(one) : one(flag);
}

function lower(text: string): string {
  return text.toLowerCase();
}

const accountAnchors = (items: readonly string[]): Anchor[] =>
  exactAnchors('account', RANK.account, items, accountForm);
const mailboxAnchors = (items: readonly string[]): Anchor[] =>
  exactAnchors('mailbox', RANK.mailbox, items, mailboxForm);

function exactAnchors(
  kind: 'account' | 'mailbox',
  rank: number,
  items: readonly string[],
  prepare: (text: string) => string,
): Anchor[] {
  const exact = items.every((item) => isPlain(item) && !item.includes('\\'));
  return exact ? [{ rank, keys: items.map((item) => ({ kind, value: prepare(item) })) }] : [];
}

function headerAnchors(name: string): Anchor[] {
  return COMMON_HEADER.test(name) ? [] : [{ rank: RANK.header, keys: [{ kind: 'header', value: name }] }];
}

function typeAnchors(items: readonly string[]): Anchor[] {
  const keys: Key[] = [];
  for (const item of items) {
    const type = item.toLowerCase();
    if (/^[\w.+-]+\/[\w.+-]+$/.test(type)) keys.push({ kind: 'type', value: type });
    else if (/^[\w.+-]+\/\*$/.test(type)) keys.push({ kind: 'main type', value: type.slice(0, -2) });
    else return [];
  }
  return [{ rank: RANK.type, keys }];
}

function sizeCheck(source: string, place: Place): Check {
  const holds = comparison(source);
  return {
    cost: COST.compare,
    anchors: [],
    test: (view) => holds(view.input.metadata.size),
    failures: (view) => [
      { condition: place.name, wanted: source.trim(), had: `${view.input.metadata.size} B` },
    ],
  };
}

function threadCheck(wanted: 'new' | 'reply', place: Place): Check {
  return {
    cost: COST.compare,
    anchors: [],
    test: (view) => view.input.isReply === (wanted === 'reply'),
    failures: (view) => [{ condition: place.name, wanted, had: view.input.isReply ? 'reply' : 'new' }],
  };
}

const LEVELS: readonly string[] = ['unverified', 'asserted', 'verified'];

/**
 * Levels mean at least that one; every other word is a warning that the mail has. A mail that was not checked yet may
 * still be proved: what hangs on that is not known.
 */
function trustCheck(wanted: Names, place: Place): Check {
  const { include, exclude } = readItems(wanted, place, (word) => word);
  const holdsAt = (level: string, { trustFlags }: RuleInput): boolean => {
    const has = (word: string): boolean =>
      LEVELS.includes(word)
        ? LEVELS.indexOf(level) >= LEVELS.indexOf(word)
        : (trustFlags?.includes(word) ?? false);
    return !exclude.some(has) && (include.length === 0 || include.some(has));
  };
  const hangsOnProof = ({ input }: MailView): boolean =>
    holdsAt(input.trust, input) !== holdsAt('verified', input);
  return {
    cost: COST.compare,
    anchors: [],
    facts: ['trust'],
    test: (view) =>
      hangsOnProof(view) && view.lacks('trust') ? view.assumed : holdsAt(view.input.trust, view.input),
    failures: (view) => [
      {
        condition: place.name,
        wanted: [wanted].flat().join(', '),
        had:
          hangsOnProof(view) && view.lacks('trust')
            ? NOT_KNOWN
            : [view.input.trust, ...(view.input.trustFlags ?? [])].join(', '),
      },
    ],
  };
}

/**
 * All named sub-conditions hold for one same attachment; `count` counts the attachments for which they do.
 */
function attachmentCheck(value: AttachmentCondition | boolean, place: Place): Check {
  const { type, name, size, count } = typeof value === 'boolean' ? {} : value;
  const at = (word: string): Place => ({ ...place, path: [...place.path, word] });
  const types =
    type && readItems(type, at('type'), (source) => ({ source, test: wholePattern(source, lower) }));
  const names = name && readItems(name, at('name'), (source) => textPattern(source, 'part'));
  const ofType =
    types && itemTest({ include: types.include.map(testOf), exclude: types.exclude.map(testOf) });
  const called =
    names && itemTest({ include: names.include.map(testOf), exclude: names.exclude.map(testOf) });
  const sized = size && comparison(size);
  const enough = comparison(count ?? (value === false ? 0 : '>=1'));
  const anchors: Anchor[] = [{ rank: RANK.attachment, keys: [{ kind: 'attachment', value: '' }] }];
  if (names && names.include.length > 0)
    anchors.push(
      ...literalAnchors(
        'attachment',
        names.include.map(({ needs }) => needs),
      ),
    );
  if (types && types.include.length > 0)
    anchors.push(...typeAnchors(types.include.map(({ source }) => source)));
  return {
    cost: COST.attachment,
    anchors: enough(0) ? [] : anchors,
    test: (view) => {
      let fitting = 0;
      for (const item of view.attachments) {
        if (ofType && !ofType(item.type)) continue;
        if (called && !called(item.name)) continue;
        if (sized && !sized(item.size)) continue;
        fitting++;
      }
      return enough(fitting);
    },
    failures: (view) => [
      {
        condition: place.name,
        wanted: typeof value === 'boolean' ? (value ? 'an attachment' : 'no attachment') : written(value),
        had: shownList(view.attachments.map((item) => `${item.shownName} (${item.type}, ${item.size} B)`)),
      },
    ],
  };
}

const testOf = <T>({ test }: { test: (value: T) => boolean }): ((value: T) => boolean) => test;

const MAX_WRITTEN_CHARS = 300;

function written(value: unknown): string {
  const text = JSON.stringify(value);
  return text.length > MAX_WRITTEN_CHARS ? `${text.slice(0, MAX_WRITTEN_CHARS)}…` : text;
}
