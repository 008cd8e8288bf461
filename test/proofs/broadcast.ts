// The law "nothing happens twice" for broadcasts: a mail to thousands while the gateway is killed in the middle, some of them
// are on the suppression list, and others unsubscribe while it runs.
import type { BroadcastCounts, BroadcastDetail, BroadcastView } from '../../src/contracts/broadcast.ts';
import type { SubmissionView } from '../../src/contracts/draft.ts';
import { LIST, makeWorld, type World } from './broadcast/world.ts';
import type { Proof, ProofOptions, Verdict } from './proof.ts';
import { Random } from './random.ts';

const FULL = { recipients: 10_000, kills: 5, unsubscribing: 50, suppressed: 20 };
const QUICK = { recipients: 500, kills: 2, unsubscribing: 10, suppressed: 5 };
const END_LIMIT_MS = 1_800_000;
/** A mail that was on its way over SMTP when the word of a recipient was written down cannot be called back. */
const ON_ITS_WAY_MS = 2_000;
const LISTED_CASES = 20;
const MOST_TRIES = 500; // to find somebody who has not got it

export const broadcast: Proof = {
  name: 'broadcast',
  summary:
    'A broadcast while the gateway is killed: each recipient gets it exactly once, and nobody who has left.',
  run,
};

async function run({ quick, seed, tell }: ProofOptions): Promise<Verdict> {
  const random = new Random(seed);
  const world = await makeWorld(random.fork());
  try {
    return await prove(world, random, quick ? QUICK : FULL, tell);
  } finally {
    await world.end();
  }
}

const addressOf = (number: number): string => `p${number}@list.example`;

async function prove(
  world: World,
  random: Random,
  plan: typeof FULL,
  tell: (line: string) => void,
): Promise<Verdict> {
  const { gateway, arrivals } = world;
  const numbers = Array.from({ length: plan.recipients }, (_, number) => number);
  const shuffled = random.shuffled(numbers);
  const suppressed = new Set(shuffled.slice(0, plan.suppressed).map(addressOf));
  for (const address of suppressed) await suppress(world, { address, reason: 'manual' });

  const made = await gateway.request<BroadcastView>('POST', '/v1/broadcasts', {
    ...{ name: LIST, account: 'sales', template: 'news', data: { number: 7 } },
    to: numbers.map((number) => ({ address: addressOf(number), name: `Person ${number}`, number })),
  });
  if (made.status !== 201) throw new Error(JSON.stringify(made.body));
  const { id, digest } = made.body;
  const startedAt = performance.now();
  await gateway.request('POST', `/v1/broadcasts/${id}/approve`, { digest });

  // Each in a stretch of its own, so that kills strike at the beginning, in the middle and near the end.
  const left = new Map<string, number>();
  const stretch = plan.recipients / (plan.kills + 1);
  for (let kill = 1; kill <= plan.kills; kill++) {
    const at = Math.floor((kill - 1) * stretch + random.between(stretch * 0.3, stretch * 0.9));
    await world.reached(at);
    const share = Math.ceil(plan.unsubscribing / plan.kills);
    await unsubscribe(world, random, { share, left, suppressed, plan });
    await world.reached(arrivals.length);
    await gateway.kill();
    tell(`kill ${kill} of ${plan.kills}: ${arrivals.length} mails had come, ${left.size} had left the list`);
    await gateway.start();
  }
  await gateway.until(async () => {
    const { data } = await gateway.get<{ data: BroadcastView[] }>('/v1/broadcasts');
    return data.some((one) => one.id === id && one.state !== 'running');
  }, END_LIMIT_MS);
  const seconds = (performance.now() - startedAt) / 1000;
  const unknown = await settleUnknown(world, id, tell);
  const end = await gateway.get<BroadcastDetail>(`/v1/broadcasts/${id}`);
  return judge(world, end, { plan, suppressed, left, unknown, seconds }, tell);
}

async function suppress({ gateway }: World, entry: object): Promise<void> {
  const { status, body } = await gateway.request('POST', '/v1/suppressions', entry);
  if (status !== 201) throw new Error(JSON.stringify(body));
}

/** Some who have not got it leave: those whose mails wait in the outbox, and those whose turn is far. */
async function unsubscribe(
  world: World,
  random: Random,
  {
    share,
    left,
    suppressed,
    plan,
  }: { share: number; left: Map<string, number>; suppressed: ReadonlySet<string>; plan: typeof FULL },
): Promise<void> {
  const wanted = Math.min(left.size + share, plan.unsubscribing);
  for (let i = 0; left.size < wanted && i < MOST_TRIES; i++) {
    const next = world.arrivals.length;
    const far = i % 2 === 0 ? random.between(next, plan.recipients - 1) : next + random.between(5, 300);
    const address = addressOf(Math.min(far, plan.recipients - 1));
    const hasCome = world.arrivals.some((arrival) => arrival.address === address);
    if (hasCome || left.has(address) || suppressed.has(address)) continue;
    await suppress(world, { address, reason: 'unsubscribe', list: LIST, account: 'sales' });
    left.set(address, performance.now());
  }
}

interface Unknown {
  address: string;
  cause: string;
  arrived: boolean;
}

/** A person looks up what nobody knows, as the page of such a mail asks: those that came are settled, the others are sent. */
async function settleUnknown(world: World, id: string, tell: (line: string) => void): Promise<Unknown[]> {
  const { gateway, arrivals } = world;
  const came = new Set(arrivals.map(({ address }) => address));
  const { data } = await gateway.get<{ data: SubmissionView[] }>('/v1/submissions?state=unknown&limit=1000');
  const found: Unknown[] = [];
  for (const { id: submission, recipients, last_error } of data) {
    const [address = ''] = recipients.map((one) => one.address);
    const arrived = came.has(address);
    found.push({ address, cause: last_error ?? '', arrived });
    tell(`unknown: ${address}, which ${arrived ? 'had come' : 'had not come'}: ${last_error}`);
    await gateway.request('POST', `/v1/submissions/${submission}/settle`, {
      outcome: arrived ? 'sent' : 'resend',
    });
  }
  if (found.length > 0)
    await gateway.until(
      async () => (await gateway.get<BroadcastDetail>(`/v1/broadcasts/${id}`)).counts.unknown === 0,
    );
  return found;
}

interface Facts {
  plan: typeof FULL;
  suppressed: ReadonlySet<string>;
  left: ReadonlyMap<string, number>;
  unknown: readonly Unknown[];
  seconds: number;
}

function judge(
  { arrivals }: World,
  end: BroadcastDetail,
  { plan, suppressed, left, unknown, seconds }: Facts,
  tell: (line: string) => void,
): Verdict {
  const times = Map.groupBy(arrivals, ({ address }) => address);
  const all = Array.from({ length: plan.recipients }, (_, number) => addressOf(number));
  const known = new Set(all);
  const cases = {
    lost: all.filter((address) => !times.has(address) && !suppressed.has(address) && !left.has(address)),
    twice: all.filter((address) => (times.get(address)?.length ?? 0) > 1),
    strangers: [...times.keys()].filter((address) => !known.has(address)),
    'sent though suppressed': [...suppressed].filter((address) => times.has(address)),
    'sent after leaving': [...left].flatMap(([address, at]) =>
      (times.get(address) ?? []).filter((arrival) => arrival.at > at + ON_ITS_WAY_MS).map(() => address),
    ),
    "another one's mail": arrivals
      .filter((arrival) => !isTheirs(arrival.address, arrival.raw))
      .map((one) => one.address),
    'counts that are wrong': countsWrong(end.counts, plan.recipients, times.size),
    'not done': end.state === 'done' ? [] : [end.state],
  };
  for (const [what, those] of Object.entries(cases)) {
    if (those.length === 0) continue;
    tell(`${what}: ${those.length}`);
    for (const one of those.slice(0, LISTED_CASES)) tell(`  ${one}`);
  }
  const stopped = [...left.keys()].filter((address) => !times.has(address)).length;
  return {
    holds: Object.values(cases).every((those) => those.length === 0),
    figures: [
      `recipients ${plan.recipients}, kills ${plan.kills}`,
      `sent ${end.counts.sent} in ${Math.round(seconds)} s (${Math.round(end.counts.sent / seconds)}/s with the starts)`,
      ...Object.entries(cases).map(([what, those]) => `${what} ${those.length}`),
      `suppressed ${suppressed.size}`,
      `left the list ${left.size}, of whom ${stopped} got nothing and ${left.size - stopped} had it on its way`,
      `unknown ${unknown.length} (${unknown.filter(({ arrived }) => arrived).length} had come)`,
    ].join(', '),
  };
}

function isTheirs(address: string, raw: Buffer): boolean {
  const text = raw.toString('utf8');
  const number = /^p(\d+)@/.exec(address)?.[1];
  return text.includes(`you are number ${number}.`) && new RegExp(`^To: .*<${address}>`, 'm').test(text);
}

function countsWrong(
  { bounced: _, total, ...counts }: BroadcastCounts,
  recipients: number,
  came: number,
): string[] {
  const sum = Object.values(counts).reduce((one, other) => one + other, 0);
  const wrong = total !== recipients || sum !== recipients || counts.sent !== came;
  return wrong ? [JSON.stringify({ total, ...counts, came })] : [];
}
