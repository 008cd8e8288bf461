// Whether a mail may leave now, or is over a limit and waits. Asked before a connection is used; counted in the transaction in
// which its content is about to leave. What this process has on its way but not yet counted is counted here.
import type { Account } from '../accounts/accounts.ts';
import { presetOf } from '../accounts/providers.ts';
import type { Clock } from '../kernel/clock.ts';
import { PosternError } from '../kernel/errors.ts';
import { domainOf } from '../mail/trust/domains.ts';
import type { Store, Tx } from '../store/store.ts';
import {
  accountLimits,
  type Bucket,
  bucketAt,
  domainLimits,
  inWindow,
  type Limit,
  recipientLimits,
  roomAt,
  SPANS,
  type Span,
} from './limits.ts';
import { addCounts, beginWarmUp, type Count, countsOf, sweepCounts, warmUpStart } from './send-counts.ts';

const LOOK_AGAIN_MS = 5_000; // what others have on their way may take the last room, or not leave after all
const SWEEP_EVERY_MS = 10 * 60_000;

/** Why a mail waits. */
export interface Hold {
  /** Epoch milliseconds. */
  until: number;
  /** `500 mails a day on this account`. */
  limit: string;
  /** How many mails may leave in how long, behind those that wait already. */
  max: number;
  windowMs: number;
  /** `account`: all its mail waits. */
  scope: string;
}

/** Room that was taken for a mail. */
export interface Reservation {
  /** @throws PosternError `limit_reached` where another node took it meanwhile, which undoes the transaction */
  count?: (tx: Tx) => Promise<void>;
  release(): void;
}

interface Scope {
  name: string;
  limits: readonly Limit[];
  mails: number;
  recipients: number;
}

interface Known {
  buckets: Map<string, Bucket[]>;
  /** Of the shortest span: what is in older buckets does not change any more. */
  loadedFor: string;
  startedAt: number | null;
}

interface Amount {
  mails: number;
  recipients: number;
}

const FREE: Reservation = { release: () => undefined };
const ACCOUNT = 'account';

export class Cadence {
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #known = new Map<string, Known>();
  readonly #onTheWay = new Map<string, Amount>();
  #sweptAt = 0;

  constructor(store: Store, clock: Clock) {
    this.#store = store;
    this.#clock = clock;
  }

  /** Takes room for a mail, or says what it waits for. An account without limits costs nothing. */
  async reserve(
    account: Pick<Account, 'id' | 'settings'>,
    isBulk: boolean,
    to: readonly string[],
  ): Promise<Reservation | Hold> {
    const { settings, id } = account;
    const rates = settings.provider === undefined ? null : presetOf(settings.provider).limits;
    const { limits, warm_up: plan } = settings;
    if (
      !limits &&
      !plan &&
      !rates?.messages_per_minute &&
      !rates?.messages_per_day &&
      !rates?.recipients_per_day
    )
      return FREE;
    const now = this.#clock.now();
    const known = await this.#look(id, now, plan !== undefined);
    const whole = accountLimits(settings, rates, { isBulk, startedAt: known.startedAt, now });
    const others = scopesOf(settings, to);
    const scopes = [{ name: ACCOUNT, limits: whole, mails: 1, recipients: to.length }, ...others];
    const names = others.map(({ name }) => name);
    const more = names.length === 0 ? null : await countsOf(this.#store.db, id, names, now);
    const left = (scope: string, span: Span): Bucket[] =>
      (scope === ACCOUNT ? known.buckets : more)?.get(`${scope}|${span}`) ?? [];
    const hold = this.#holdOf(id, scopes, left, now);
    if (hold) return hold;
    const counted = scopes.filter((scope) => scope.limits.length > 0);
    if (counted.length === 0) return FREE;
    for (const scope of counted) this.#move(id, scope, 1);
    let isOnTheWay = true;
    const arrive = (): void => {
      if (isOnTheWay) for (const scope of counted) this.#move(id, scope, -1);
      isOnTheWay = false;
    };
    return {
      release: arrive,
      count: async (tx) => {
        const at = this.#clock.now();
        const totals = await addCounts(tx, id, countsFor(counted, at));
        if (plan && known.startedAt === null) await beginWarmUp(tx, id, at);
        if (plan) known.startedAt ??= at;
        arrive();
        for (const total of totals) {
          if (total.scope === ACCOUNT) keep(known, total);
          demandRoom(counted, left, total, at, () => this.#known.delete(id));
        }
      },
    };
  }

  #holdOf(
    id: string,
    scopes: readonly Scope[],
    left: (scope: string, span: Span) => readonly Bucket[],
    now: number,
  ): Hold | null {
    let latest: Hold | null = null;
    for (const { name, limits, ...need } of scopes) {
      const way = this.#onTheWay.get(`${id}|${name}`) ?? { mails: 0, recipients: 0 };
      for (const limit of limits) {
        const { span, unit, max, text } = limit;
        const buckets = left(name, span);
        const room = roomAt(limit, [...buckets, { at: bucketAt(span, now), ...way }], need[unit], now);
        if (room <= now) continue;
        const isOwn = roomAt(limit, buckets, need[unit], now) <= now;
        const until = isOwn ? Math.min(room, now + LOOK_AGAIN_MS) : room;
        if (latest && latest.until >= until) continue;
        const each = unit === 'mails' ? 1 : Math.max(1, need.recipients);
        const most = Math.max(1, Math.floor(max / each));
        latest = { until, limit: text, max: most, windowMs: SPANS[span].windowMs, scope: name };
      }
    }
    return latest;
  }

  /** What left already on the account: read once for each stretch of time, since what is counted is told with it. */
  async #look(id: string, now: number, warms: boolean): Promise<Known> {
    const loadedFor = `${bucketAt('minute', now)}|${warms}`;
    const known = this.#known.get(id);
    if (known?.loadedFor === loadedFor) return known;
    if (now - this.#sweptAt > SWEEP_EVERY_MS) {
      this.#sweptAt = now;
      await sweepCounts(this.#store, now);
    }
    const { db } = this.#store;
    const startedAt = warms ? (known?.startedAt ?? (await warmUpStart(db, id))) : null;
    const fresh = { loadedFor, startedAt, buckets: await countsOf(db, id, [ACCOUNT], now) };
    this.#known.set(id, fresh);
    return fresh;
  }

  #move(id: string, { name, mails, recipients }: Scope, by: 1 | -1): void {
    const key = `${id}|${name}`;
    const before = this.#onTheWay.get(key) ?? { mails: 0, recipients: 0 };
    const after = { mails: before.mails + by * mails, recipients: before.recipients + by * recipients };
    if (after.mails === 0) this.#onTheWay.delete(key);
    else this.#onTheWay.set(key, after);
  }
}

/** The domains and addresses of a mail that have limits of their own. Each recipient of a domain is a mail to it. */
function scopesOf(settings: Account['settings'], to: readonly string[]): Scope[] {
  const { limits } = settings;
  if (!limits?.domains && !limits?.recipient_domain && !limits?.recipient) return [];
  const scopes: Scope[] = [];
  for (const [domain, addresses] of Map.groupBy(to, domainOf)) {
    const found = domainLimits(settings, domain);
    const { length } = addresses;
    if (found.length > 0)
      scopes.push({ name: `domain:${domain}`, limits: found, mails: length, recipients: length });
  }
  for (const address of limits.recipient ? to : []) {
    const name = `to:${address.toLowerCase()}`;
    scopes.push({ name, limits: recipientLimits(settings, address), mails: 1, recipients: 1 });
  }
  return scopes;
}

function countsFor(scopes: readonly Scope[], now: number): Count[] {
  const counts = new Map<string, Count>();
  for (const { name: scope, limits, mails, recipients } of scopes)
    for (const { span } of limits)
      counts.set(`${scope}|${span}`, { scope, span, at: bucketAt(span, now), mails, recipients });
  return [...counts.values()];
}

function keep({ buckets }: Known, { scope, span, at, mails, recipients }: Count): void {
  const key = `${scope}|${span}`;
  const others = (buckets.get(key) ?? []).filter((bucket) => bucket.at !== at);
  buckets.set(key, [...others, { at, mails, recipients }]);
}

/** Once more with what other nodes have counted meanwhile. */
function demandRoom(
  scopes: readonly Scope[],
  left: (scope: string, span: Span) => readonly Bucket[],
  total: Count,
  now: number,
  forget: () => void,
): void {
  const scope = scopes.find(({ name }) => name === total.scope);
  const older = left(total.scope, total.span).filter(({ at }) => at !== total.at);
  for (const { span, unit, max, text } of scope?.limits ?? []) {
    if (span !== total.span) continue;
    const used = inWindow(span, older, now).reduce((sum, bucket) => sum + bucket[unit], total[unit]);
    if (used <= max || used === scope?.[unit]) continue;
    forget();
    throw new PosternError('limit_reached', `Another node took the last of ${text}.`, {
      retry: { afterMs: LOOK_AGAIN_MS },
    });
  }
}
