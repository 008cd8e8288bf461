// A table of SMTP faults, carried out: each case is an account on a scripted server of its own; all of them share one
// outbox over a real ledger and run side by side, so that a case that hangs shows whether it slows the others.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { SubmissionView } from '../../src/contracts/draft.ts';
import { type FakeSmtp, type FakeSmtpOptions, startFakeSmtp } from '../support/fake-smtp.ts';
import {
  type Approved,
  accountOn,
  contentTo,
  type Outpost,
  openOutpost,
  PASSWORD,
} from './outbox-fixture.ts';

export const MINUTE = 60_000;
export const anna = 'anna@example.com';
export const bert = 'bert@example.com';
export const cleo = 'cleo@example.com';
const LATER_MS = 10 * MINUTE; // past the first wait of either kind
const PATIENT_MS = 15_000; // for cases that are not about time, on a loaded machine
export const IMPATIENT = { timeout_ms: 1_000 };

/** `soon`: under a minute, since the server was not reached. `minutes`: about five, since it said no for now. */
type Wait = 'soon' | 'minutes';

export interface Expected {
  state: SubmissionView['state'];
  /** By recipient: his state, and what he is told. */
  recipients: readonly (readonly [state: string, words: RegExp])[];
  /** When it is tried again, for what is queued. */
  wait?: Wait;
  /** Attempts that were made; 1 in `first` and 2 in `later` where absent. */
  attempts?: number;
  /** To whom each mail went that the server took, over all attempts. */
  taken: readonly (readonly string[])[];
}

export interface FaultCase {
  name: string;
  server: FakeSmtpOptions;
  /** Settings of the account besides. */
  settings?: object;
  /** To whom it goes; to anna alone where absent. */
  to?: readonly string[];
  /** How large its text is; some lines where absent. */
  textBytes?: number;
  first: Expected;
  /** After the time in which a mail that is queued is tried again. */
  later?: Expected;
  /** What else holds at the end. */
  also?: (server: FakeSmtp, view: SubmissionView) => void;
}

interface Run {
  server: FakeSmtp;
  mail: Approved;
  first?: SubmissionView;
  waits: number;
  later?: SubmissionView;
}

/** @param longestMs how long the attempts of all the cases together may take */
export function faultTable(name: string, cases: readonly FaultCase[]): void {
  describe(name, () => {
    const runs = new Map<string, Run | Error>();
    let outpost: Outpost;

    before(async () => {
      const spare = await startFakeSmtp();
      outpost = await openOutpost(accountOn(spare));
      await spare.stop();
      await outpost.start();
      await Promise.all(cases.map((each) => settled(runs, each.name, () => begin(outpost, each))));
      outpost.advance(LATER_MS);
      await Promise.all(
        cases.map(async ({ name, later }) => {
          const run = runs.get(name);
          if (!later || !run || run instanceof Error) return;
          await settled(runs, name, async () => {
            const attempts = later.attempts ?? 2;
            run.later = await outpost.until(run.mail.id, (view) => isOver(view, attempts));
            return run;
          });
        }),
      );
    });

    after(async () => {
      await outpost[Symbol.asyncDispose]();
      for (const run of runs.values()) if (!(run instanceof Error)) await run.server.stop();
    });

    for (const each of cases) {
      it(each.name, () => {
        const run = runs.get(each.name);
        if (!run || run instanceof Error) throw run ?? new Error('the case was not run');
        const view = run.first as SubmissionView;
        check(view, each.first, each.first.attempts ?? 1, each.to ?? [anna]);
        if (each.first.wait) checkWait(run.waits, each.first.wait);
        if (each.later)
          check(run.later as SubmissionView, each.later, each.later.attempts ?? 2, each.to ?? [anna]);
        const taken = (each.later ?? each.first).taken;
        assert.deepEqual(
          run.server.taken.map(({ recipients }) => recipients),
          taken,
          'what the server took',
        );
        for (const mail of run.server.taken) assert.equal(mail.messageId, run.mail.messageId);
        each.also?.(run.server, run.later ?? view);
      });
    }

    it('nothing of all this is told with the password in it, or taken for an error of ours', async () => {
      const told = JSON.stringify([outpost.logs, await outpost.submissions.list({ limit: 1000 })]);
      assert.ok(!told.includes('canary'));
      assert.ok(!told.includes(Buffer.from(PASSWORD).toString('base64').replace(/=+$/, '')));
      assert.deepEqual(
        outpost.logs.filter((line) => /unexpected|TypeError|is not a function/.test(line)),
        [],
      );
    });
  });
}

async function begin(outpost: Outpost, one: FaultCase): Promise<Run> {
  const server = await startFakeSmtp(one.server);
  const security = one.server.security ?? 'none';
  const account = accountOn(server, {
    timeout_ms: PATIENT_MS,
    smtp: {
      host: server.host,
      port: server.port,
      security,
      ...(server.ca === '' ? {} : { ca: server.ca }),
    },
    ...one.settings,
  });
  outpost.add(account);
  const content = contentTo(...(one.to ?? [anna]));
  if (one.textBytes) content.text = 'a line of a large mail\n'.repeat(Math.ceil(one.textBytes / 23));
  const mail = await outpost.approve(content, {}, account);
  const run: Run = { server, mail, waits: 0 };
  run.first = await outpost.until(mail.id, (view) => isOver(view, one.first.attempts ?? 1));
  run.waits = (run.first.next_attempt_at ?? 0) - Date.now();
  return run;
}

async function settled(
  runs: Map<string, Run | Error>,
  name: string,
  work: () => Promise<Run>,
): Promise<void> {
  runs.set(
    name,
    await work().catch((error: unknown) => (error instanceof Error ? error : new Error(String(error)))),
  );
}

const isOver = ({ state, attempts }: SubmissionView, wanted: number): boolean =>
  state !== 'sending' && (state !== 'queued' || attempts >= wanted);

function check(view: SubmissionView, expected: Expected, attempts: number, to: readonly string[]): void {
  const found = JSON.stringify(view.recipients);
  assert.equal(view.state, expected.state, found);
  assert.equal(view.attempts, attempts, 'attempts');
  assert.deepEqual(
    view.recipients.map(({ address }) => address),
    to,
  );
  assert.deepEqual(
    view.recipients.map(({ state }) => state),
    expected.recipients.map(([state]) => state),
    found,
  );
  for (const [at, [, words]] of expected.recipients.entries())
    assert.match(view.recipients[at]?.response ?? '', words, `what ${to[at]} is told`);
}

function checkWait(waits: number, expected: Wait): void {
  const [least, most] = expected === 'soon' ? [0, MINUTE] : [3.5 * MINUTE, 6 * MINUTE];
  assert.ok(waits > least && waits < most, `it waits ${waits} ms`);
}

/** The same fate for one recipient. */
export const sent = (taken: readonly string[] = [anna], words = /^250 /): Expected => ({
  state: 'sent',
  recipients: [['sent', words]],
  taken: [taken],
});
export const failed = (words: RegExp): Expected => ({
  state: 'failed',
  recipients: [['failed', words]],
  taken: [],
});
export const queued = (words: RegExp, wait: Wait): Expected => ({
  state: 'queued',
  recipients: [['queued', words]],
  wait,
  taken: [],
});
export const unknown = (words: RegExp, taken: readonly (readonly string[])[] = []): Expected => ({
  state: 'unknown',
  recipients: [['unknown', words]],
  taken,
});
