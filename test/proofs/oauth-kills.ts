// SIGKILL while a token is on its way: before the request is answered, right after the answer left the provider, and
// around both. Afterwards the account works, or it says that it needs a person, and why.
import { setTimeout as pause } from 'node:timers/promises';
import type { TestGateway } from '../support/gateway.ts';
import { accountInput, labelOf, makeWorld, signsIn, viewOf, type World } from './oauth/world.ts';
import type { Proof, ProofOptions, Verdict } from './proof.ts';
import { Random } from './random.ts';

const KILLS = 100;
const QUICK_KILLS = 8;
const TOKEN_SECONDS = 3;
const REFRESH_LIMIT_MS = 60_000; // with such tokens one is due long before
const SETTLE_LIMIT_MS = 60_000; // a lease of a dead process counts for nothing on its own host
/** The provider takes some 20 ms to answer; from its answer to our commit some milliseconds pass. */
const LONGEST_AFTER_MS = { asked: 30, answered: 10 } as const;

/** When the kill comes: when the provider is asked, or when it has answered; then so many milliseconds later. */
interface Moment {
  stage: 'asked' | 'answered';
  afterMs: number;
}

export const oauthKills: Proof = {
  name: 'oauth-kills',
  summary: 'SIGKILL during a refresh: the account works afterwards, or says that it needs a person, and why.',
  run,
};

interface Counted {
  worked: number;
  interrupted: number;
  /** Neither: these must not be. */
  silent: number;
}

async function run({ quick, seed, tell }: ProofOptions): Promise<Verdict> {
  const random = new Random(seed);
  const times = quick ? QUICK_KILLS : KILLS;
  const world = await makeWorld(1, TOKEN_SECONDS);
  const user = world.users[0] as string;
  const counted: Counted = { worked: 0, interrupted: 0, silent: 0 };
  try {
    const gateway = world.gateway();
    await gateway.start();
    await gateway.addAccount(await accountInput(world, user));
    for (let kill = 1; kill <= times; kill++) {
      const stage = random.pick(['asked', 'answered', 'answered'] as const);
      const moment: Moment = { stage, afterMs: random.between(0, LONGEST_AFTER_MS[stage]) };
      await killAt(world, gateway, moment);
      const startedAt = Date.now();
      await gateway.start();
      const outcome = await settled(world, gateway, user, startedAt);
      counted[outcome]++;
      if (kill % 10 === 0 || quick) tell(`${kill}: ${moment.stage} + ${moment.afterMs} ms: ${outcome}`);
      if (outcome !== 'worked') await signInAgain(world, gateway, user);
    }
    return {
      holds: counted.silent === 0,
      figures:
        `oauth-kills: ${times} kills during a refresh, the account worked afterwards ${counted.worked} times, ` +
        `said that it needs a person and why ${counted.interrupted} times, neither ${counted.silent} times`,
    };
  } finally {
    await world.end();
  }
}

/** Lets the gateway come to its next request for a token, and kills it there. */
async function killAt({ provider }: World, gateway: TestGateway, moment: Moment): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  provider.onRequest = (stage) => {
    if (stage === moment.stage) resolve();
  };
  const limit = setTimeout(resolve, REFRESH_LIMIT_MS);
  await promise;
  clearTimeout(limit);
  provider.onRequest = () => undefined;
  if (moment.afterMs > 0) await pause(moment.afterMs);
  await gateway.kill();
}

/**
 * What has become of the account: it has worked when tokens came again after the start and a mail server takes them; a
 * token from before says nothing.
 */
async function settled(
  { provider }: World,
  gateway: TestGateway,
  user: string,
  startedAt: number,
): Promise<keyof Counted> {
  const until = Date.now() + SETTLE_LIMIT_MS;
  while (Date.now() < until) {
    const { auth } = await viewOf(gateway, user);
    if (auth.type !== 'oauth2') return 'silent';
    if (auth.state === 'needs_sign_in')
      return /^A refresh was interrupted at /.test(auth.reason ?? '') ? 'interrupted' : 'silent';
    const came = provider.requestsOf(user).some(({ at, ok }) => ok && at >= startedAt);
    if (
      came &&
      (auth.token_expires_at ?? 0) > startedAt + TOKEN_SECONDS * 1000 &&
      (await signsIn(gateway, user))
    )
      return 'worked';
    await pause(50);
  }
  return 'silent';
}

/** What a person does then. */
async function signInAgain(world: World, gateway: TestGateway, user: string): Promise<void> {
  const { auth } = await accountInput(world, user);
  const { status } = await gateway.request('PATCH', `/v1/accounts/${labelOf(user)}`, { auth });
  if (status !== 200 || !(await signsIn(gateway, user)))
    throw new Error('the account could not be signed in again');
}
