// Trying rules before they act: those in force, a rule that is about to be saved, or a folder of files. Nothing is done.
import { z } from 'zod';
import { ruleObject, ruleText } from '../../contracts/made-rule.ts';
import { duration } from '../../contracts/rule.ts';
import { backTestView, mailTest } from '../../contracts/rule-test.ts';
import { durationMs } from '../../kernel/duration.ts';
import { PosternError } from '../../kernel/errors.ts';
import { backTest, type IsHeld } from '../../rules/back-test.ts';
import type { RuleSet } from '../../rules/match.ts';
import { defineOperation, type Operation } from '../registry.ts';
import type { Rooms } from '../rooms.ts';
import { withDrafts } from '../rule-drafts.ts';
import { rawRuleInput, storedRuleInput, type TriedMail } from '../rule-input.ts';
import { heldBecause, tryMail } from '../rule-try.ts';
import { accountName } from './account.ts';
import { ruleFiles } from './rule.ts';

const MAX_RAW_CHARS = 36_000_000; // base64 of the default account's largest message, 26,214,400 octets
const DEFAULT_MESSAGES = 10_000;
const MAX_MESSAGES = 100_000; // half a minute of reading; more says nothing more about a rule

const input = z
  .strictObject({
    /** A message of the ledger. */
    message_id: z.string().max(100).optional(),
    /** Its text is fetched and its signatures are checked where a rule hangs on that; otherwise it is not known. */
    fetch: z.boolean().default(false),
    /** Or the bytes of any mail. */
    raw_base64: z.base64().max(MAX_RAW_CHARS).optional(),
    /** With raw_base64: the account where it would have arrived. With since: whose mail; `*` is that of all. */
    account: accountName.optional(),
    mailbox: z.string().min(1).max(1000).optional(),
    /** Or the mail of the ledger that came in since then: a time back from now, such as 30d, or a date. */
    since: z.union([duration, z.iso.date(), z.iso.datetime({ offset: true })]).optional(),
    /** With since: the newest so many messages are looked at. */
    limit: z.coerce.number().int().min(1).max(MAX_MESSAGES).default(DEFAULT_MESSAGES),
    /** A rule that is not saved: tried with the others, in the place of the made one with its id or its name. */
    candidate: z
      .strictObject({
        id: z.string().max(100).optional(),
        text: ruleText.optional(),
        rule: ruleObject.optional(),
      })
      .optional(),
    /** Files to try in the place of those in force; the rules made over REST stay. */
    files: ruleFiles.optional(),
  })
  .refine(
    ({ message_id, raw_base64, since }) =>
      [message_id, raw_base64, since].filter((one) => one !== undefined).length === 1,
    { message: 'give one of message_id, raw_base64 and since', path: ['message_id'] },
  );
type Input = z.output<typeof input>;

export const ruleTestOperations: readonly Operation[] = [
  defineOperation({
    name: 'rules.test',
    summary:
      'Tell which rules a mail, or the mail of some days, matches, why the others do not, and what would be done.',
    input,
    output: z.union([mailTest, backTestView]),
    permission: 'rules:test',
    effects: 'read',
    http: {
      method: 'POST',
      path: '/v1/rules/test',
      largeBody: true,
      rawBody: { type: 'message/rfc822', field: 'raw_base64' },
    },
    cli: { words: ['rules', 'test'], columns: ['rule', 'text'] },
    async handler({ rooms, signal }, asked) {
      const rules = await setOf(rooms, asked);
      if (asked.since === undefined) {
        const mail = await mailOf(rooms, rules, asked, signal);
        const account = await rooms.accounts.find(mail.input.account);
        const { metadata, text = '' } = mail.input;
        const answered = { id: asked.message_id ?? null, metadata, text };
        return withDrafts(tryMail(rules, mail), rooms.templates, account, answered);
      }
      const range = {
        accountId: await accountIdOf(rooms, asked.account),
        since: sinceOf(asked.since, rooms.clock.now()),
        limit: asked.limit,
      };
      const isHeld: IsHeld = (mail, action, rule) => heldBecause(rules, rule, mail, action) !== null;
      const found = await backTest(rooms.store.db, rules, range, isHeld, signal);
      return { rules_version: rules.version, account_id: range.accountId, since: range.since, ...found };
    },
  }),
];

/** @throws PosternError `rules_invalid` */
async function setOf(rooms: Rooms, { candidate, files }: Input): Promise<RuleSet> {
  if (candidate === undefined && files === undefined) return rooms.rules.current();
  return rooms.madeRules.trial(candidate ?? null, files);
}

/** @throws PosternError `invalid_input`, `not_found` */
async function accountIdOf(rooms: Rooms, account: string | undefined): Promise<string | null> {
  if (account === '*') return null;
  if (account === undefined) throw accountNeeded('since', 'Name the account whose mail is meant, or *.');
  return (await rooms.accounts.find(account)).id;
}

const accountNeeded = (beside: string, message: string): PosternError =>
  new PosternError('invalid_input', message, {
    details: { errors: [{ path: 'account', message: `is needed with ${beside}` }] },
  });

function sinceOf(since: string, now: number): number {
  const back = durationMs(since);
  return Math.max(0, Number.isNaN(back) ? Date.parse(since) : now - back);
}

async function mailOf(rooms: Rooms, rules: RuleSet, asked: Input, signal: AbortSignal): Promise<TriedMail> {
  const place = asked.mailbox === undefined ? {} : { mailbox: asked.mailbox };
  const { message_id: id } = asked;
  if (id !== undefined) {
    const stored = async (): Promise<TriedMail> => {
      const mail = await storedRuleInput(rooms, id);
      return { ...mail, input: { ...mail.input, ...place } };
    };
    const mail = await stored();
    const lacks = new Set(
      asked.fetch ? rules.judge(mail.input).flatMap((one) => (one.sure ? [] : one.lacks)) : [],
    );
    if (lacks.has('text')) await rooms.messages.detail(id);
    if (lacks.has('trust')) await rooms.proofs.prove(id, { isLast: true, signal });
    return lacks.size > 0 ? stored() : mail;
  }
  if (asked.account === undefined)
    throw accountNeeded('raw_base64', 'Name the account where the mail would have arrived.');
  const { settings } = await rooms.accounts.find(asked.account);
  return rawRuleInput(
    await rooms.parseMail(Buffer.from(asked.raw_base64 ?? '', 'base64'), { keepContent: false }),
    {
      account: settings.label,
      address: settings.address,
      authservId: settings.authserv_id ?? null,
      ...place,
    },
  );
}
