// A back-test: what a rule set would have made of the mail that is in the ledger, beside what was decided then. It only
// reads, in pages, and holds counts and a few samples.
import { setImmediate } from 'node:timers/promises';
import type { RuleAction } from '../contracts/rule.ts';
import { PosternError } from '../kernel/errors.ts';
import type { Reader } from '../store/store.ts';
import type { RuleJudgement, RuleSet } from './match.ts';
import { type StoredMail, storedMails } from './stored-mail.ts';

const PAGE_MESSAGES = 100; // held at once: a hostile mail may have some hundred kB of headers
const SHARE_MS = 10; // of work, before the rest of the gateway has its turn
const SAMPLES_OF_A_RULE = 5; // enough to see what kind of mail it is
const MAX_SAMPLES = 1_000; // in all, however many rules there are
const MAX_ACTIONS = 500; // different ones that are counted; what is beyond stands in the rules' own counts

export interface BackTestRange {
  /** Null: of all accounts. */
  accountId: string | null;
  /** Only mail that came in from then on, epoch milliseconds. */
  since: number;
  /** The newest so many are looked at. */
  limit: number;
}

export interface MailSample {
  message_id: string;
  date: number;
  from: string | null;
  subject: string;
  /** False: the rule may match it, which hangs on what is not known of it. */
  sure: boolean;
}

export interface RuleTally {
  rule: string;
  /** How many mails it matches. */
  matches: number;
  /** How many it may match for all that is known of them. */
  unsure: number;
  /** Of those that it matches: how many it did not act on when they came in. */
  added: number;
  /** How many it acted on when they came in, and does not match. */
  removed: number;
  samples: MailSample[];
}

export interface ActionTally {
  action: RuleAction;
  /** How often it would be done. */
  count: number;
  /** How often it would not, although its rule matches: no session starts from an automatic mail. */
  held: number;
}

export interface BackTest {
  messages: number;
  /** True where there is older mail of that time that was not looked at. */
  truncated: boolean;
  /** Mails that no rule matches, for certain. */
  unmatched: number;
  /** What some rule looks at and is not known of so many mails. */
  unknown: Record<string, number>;
  /** Rules that match, may match or acted then, in their order. */
  rules: RuleTally[];
  actions: ActionTally[];
}

/** Whether an action of a matching rule would not be done for a mail. */
export type IsHeld = (mail: StoredMail, action: RuleAction, rule: string) => boolean;

/** @throws PosternError `stopping` when `signal` aborts */
export async function backTest(
  db: Reader,
  set: RuleSet,
  range: BackTestRange,
  isHeld: IsHeld,
  signal: AbortSignal,
): Promise<BackTest> {
  const tallies = new Tallies(isHeld);
  let before: string | undefined;
  let messages = 0;
  for (;;) {
    if (signal.aborted) throw new PosternError('stopping', 'The back-test was given up.');
    const wanted = Math.min(PAGE_MESSAGES, range.limit - messages);
    const { accountId, since } = range;
    const mails = await storedMails(db, {
      ...(accountId === null ? {} : { accountId }),
      ...{ since, before, limit: Math.max(wanted, 1), withText: true },
    });
    if (mails.length === 0 || wanted === 0) {
      return { messages, truncated: mails.length > 0, ...tallies.result(set) };
    }
    const decided = await decidedThen(db, mails);
    let shareEndsAt = 0;
    for (const mail of mails) {
      if (performance.now() > shareEndsAt) {
        await setImmediate();
        shareEndsAt = performance.now() + SHARE_MS;
      }
      tallies.add(mail, set.judge(mail.input), decided.get(mail.id) ?? NOTHING);
    }
    messages += mails.length;
    before = mails.at(-1)?.id;
  }
}

const NOTHING: ReadonlySet<string> = new Set();

/** The rules that acted on mails when these came in. */
async function decidedThen(db: Reader, mails: readonly StoredMail[]): Promise<Map<string, Set<string>>> {
  const rows = await db
    .selectFrom('decisions')
    .select(['message_id', 'rule'])
    .where(
      'message_id',
      'in',
      mails.map(({ id }) => id),
    )
    .execute();
  const found = new Map<string, Set<string>>();
  for (const { message_id: id, rule } of rows) found.set(id, (found.get(id) ?? new Set()).add(rule));
  return found;
}

class Tallies {
  readonly #isHeld: IsHeld;
  readonly #rules = new Map<string, RuleTally>();
  readonly #actions = new Map<string, ActionTally>();
  readonly #unknown: Record<string, number> = {};
  #unmatched = 0;
  #samples = 0;

  constructor(isHeld: IsHeld) {
    this.#isHeld = isHeld;
  }

  add(mail: StoredMail, judged: readonly RuleJudgement[], decided: ReadonlySet<string>): void {
    if (judged.length === 0) this.#unmatched++;
    const lacking = new Set<string>();
    const found = new Set<string>();
    for (const { rule, actions, sure, lacks } of judged) {
      const tally = this.#ruleOf(rule);
      found.add(rule);
      if (sure) {
        tally.matches++;
        if (!decided.has(rule)) tally.added++;
        for (const action of actions) this.#act(mail, action, rule);
      } else {
        tally.unsure++;
        for (const fact of lacks) lacking.add(fact);
      }
      if (tally.samples.length >= SAMPLES_OF_A_RULE || this.#samples >= MAX_SAMPLES) continue;
      this.#samples++;
      tally.samples.push(sampleOf(mail, sure));
    }
    for (const fact of lacking) this.#unknown[fact] = (this.#unknown[fact] ?? 0) + 1;
    for (const rule of decided) if (!found.has(rule)) this.#ruleOf(rule).removed++;
  }

  #act(mail: StoredMail, action: RuleAction, rule: string): void {
    const key = JSON.stringify(action);
    const tally = this.#actions.get(key) ?? { action, count: 0, held: 0 };
    if (this.#isHeld(mail, action, rule)) tally.held++;
    else tally.count++;
    if (this.#actions.size < MAX_ACTIONS) this.#actions.set(key, tally);
  }

  #ruleOf(rule: string): RuleTally {
    let tally = this.#rules.get(rule);
    if (!tally) {
      tally = { rule, matches: 0, unsure: 0, added: 0, removed: 0, samples: [] };
      this.#rules.set(rule, tally);
    }
    return tally;
  }

  result(set: RuleSet): Omit<BackTest, 'messages' | 'truncated'> {
    const inOrder = set.rules.flatMap(({ name }) => this.#rules.get(name) ?? []);
    const known = new Set(inOrder);
    const gone = [...this.#rules.values()].filter((tally) => !known.has(tally)); // rules that acted, and are no more
    return {
      unmatched: this.#unmatched,
      unknown: this.#unknown,
      rules: [...inOrder, ...gone],
      actions: [...this.#actions.values()],
    };
  }
}

function sampleOf({ id, date, input }: StoredMail, sure: boolean): MailSample {
  const { from, subject } = input.metadata;
  return { message_id: id, date, from: from?.address ?? null, subject, sure };
}
