// Tokens that live for ten seconds, refresh tokens that are good once: kept alive over many accounts, by one process and
// by two on one ledger; a provider that fails, hangs or is away; and a grant that is taken back.
import { setTimeout as pause } from 'node:timers/promises';
import type { TestGateway } from '../support/gateway.ts';
import type { TokenEndpointMood } from '../support/oauth-server.ts';
import { accountInput, makeWorld, signsIn, TOKEN_SECONDS, viewOf, type World } from './oauth/world.ts';
import type { Proof, ProofOptions, Verdict } from './proof.ts';

interface Size {
  accounts: number;
  soakMs: number;
  outageMs: number;
  knockingMs: number;
}

const FULL: Size = { accounts: 20, soakMs: 300_000, outageMs: 60_000, knockingMs: 150_000 };
const QUICK: Size = { accounts: 6, soakMs: 10_000, outageMs: 6_000, knockingMs: 6_000 };
const EVERY_MS = 1_500; // between two sign-ins of one account
const RECOVERY_LIMIT_MS = 75_000; // a request that hangs ends after 20 s, and a pause lasts 36 s at most
const MINUTE_MS = 60_000;

export const oauthSoak: Proof = {
  name: 'oauth-soak',
  summary: 'Short tokens that rotate are kept alive; outages pass; a grant that is gone is not knocked at.',
  run,
};

async function run({ quick, tell }: ProofOptions): Promise<Verdict> {
  const size = quick ? QUICK : FULL;
  const world = await makeWorld(size.accounts);
  try {
    const first = world.gateway();
    await first.start();
    for (const user of world.users) await first.addAccount(await accountInput(world, user));
    tell(`${size.accounts} accounts are watched`);
    const one = await soak(world, [first], size.soakMs);
    tell(`one process: ${figures(one)}`);
    const second = world.gateway();
    await second.start();
    const two = await soak(world, [first, second], size.soakMs);
    tell(`two processes: ${figures(two)}`);
    const recoveries: string[] = [];
    for (const mood of ['error', 'hang', 'down'] as const) {
      const recovery = await outage(world, [first, second], mood, size.outageMs);
      recoveries.push(`${mood} ${recovery === null ? 'NEVER' : `${Math.round(recovery / 1000)} s`}`);
      tell(`recovered after ${recoveries.at(-1)}`);
    }
    const revoked = await revoke(world, [first, second], size.knockingMs);
    tell(`revoked: ${JSON.stringify(revoked)}`);
    const failed = one.failed + two.failed + one.refused + two.refused + one.inactive + two.inactive;
    return {
      holds:
        failed === 0 &&
        one.refreshes <= one.fairRefreshes &&
        two.refreshes <= two.fairRefreshes &&
        !recoveries.some((text) => text.endsWith('NEVER')) &&
        revoked.attempts === 1 &&
        revoked.mostInAMinute <= 1,
      figures:
        `oauth-soak: ${size.accounts} accounts, sign-ins ${one.signIns + two.signIns}, failed ${failed}, ` +
        `refreshes ${one.refreshes} by one process and ${two.refreshes} by two, ` +
        `recovery after ${recoveries.join(', ')}, ` +
        `revoked: ${revoked.attempts} attempt, then at most ${revoked.mostInAMinute} a minute`,
    };
  } finally {
    await world.end();
  }
}

interface Soaked {
  signIns: number;
  /** Sign-ins that Postern says failed. */
  failed: number;
  /** Requests for tokens that the provider refused. */
  refused: number;
  /** Tokens that a mail server was shown and that were not good. */
  inactive: number;
  refreshes: number;
  /** As many as there may be: one in five seconds for each account, and one more. */
  fairRefreshes: number;
}

const figures = (soaked: Soaked): string =>
  `sign-ins ${soaked.signIns}, failed ${soaked.failed}, tokens refused ${soaked.inactive}, ` +
  `refreshes ${soaked.refreshes} of ${soaked.fairRefreshes}, refused ${soaked.refused}`;

/** Signs every account in again and again, at one gateway after the other. */
async function soak(world: World, gateways: TestGateway[], ms: number): Promise<Soaked> {
  const { provider, users } = world;
  const before = { requests: provider.requests.length, inactive: provider.shown.inactive };
  const startedAt = Date.now();
  let signIns = 0;
  let failed = 0;
  const keepSigningIn = async (user: string): Promise<void> => {
    for (let turn = 0; Date.now() < startedAt + ms; turn++) {
      signIns++;
      if (!(await signsIn(gateways[turn % gateways.length] as TestGateway, user))) failed++;
      await pause(EVERY_MS);
    }
  };
  await Promise.all(users.map(keepSigningIn));
  const requests = provider.requests.slice(before.requests);
  const lasted = Date.now() - startedAt;
  return {
    signIns,
    failed,
    refused: requests.filter(({ ok }) => !ok).length,
    inactive: provider.shown.inactive - before.inactive,
    refreshes: requests.length,
    fairRefreshes: users.length * (Math.ceil(lasted / (TOKEN_SECONDS * 500)) + 1),
  };
}

/** How long after the end of an outage every account signs in again, milliseconds; null: not within the limit. */
async function outage(
  { provider, users }: World,
  gateways: TestGateway[],
  mood: TokenEndpointMood,
  ms: number,
): Promise<number | null> {
  provider.mood = mood;
  await pause(ms);
  provider.mood = 'well';
  const endedAt = Date.now();
  const recovered = async (user: string): Promise<boolean> => {
    while (Date.now() < endedAt + RECOVERY_LIMIT_MS) {
      const all = await Promise.all(gateways.map((gateway) => signsIn(gateway, user)));
      if (all.every(Boolean)) return true;
      await pause(500);
    }
    return false;
  };
  const all = await Promise.all(users.map(recovered));
  return all.every(Boolean) ? Date.now() - endedAt : null;
}

interface Revoked {
  /** Until the account says that it needs a person. */
  attempts: number;
  mostInAMinute: number;
}

/** Takes a grant back, and knocks as hard as two gateways let one. */
async function revoke(world: World, gateways: TestGateway[], ms: number): Promise<Revoked> {
  const { provider, users } = world;
  const user = users[0] as string;
  const first = gateways[0] as TestGateway;
  await provider.revoke(user);
  const asked = (): number[] => provider.requestsOf(user).flatMap(({ at, ok }) => (ok ? [] : [at]));
  // Whichever process asks writes it into the ledger; the events of the other are not heard here.
  for (const limit = Date.now() + 2 * TOKEN_SECONDS * 1000; Date.now() < limit; await pause(100)) {
    const { auth } = await viewOf(first, user);
    if (auth.type === 'oauth2' && auth.state === 'needs_sign_in') break;
  }
  const attempts = asked().length;
  const until = Date.now() + ms;
  while (Date.now() < until) {
    await Promise.all(gateways.map((gateway) => signsIn(gateway, user)));
    await pause(250);
  }
  const times = asked();
  const most = times.map((at) => times.filter((other) => other >= at && other < at + MINUTE_MS).length);
  return { attempts, mostInAMinute: Math.max(...most) };
}
