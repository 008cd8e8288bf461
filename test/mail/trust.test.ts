// Who a mail is proved to be from: mails signed by dkimpy, with keys published by a name server, each with the level and
// the reason that it gets.
import assert from 'node:assert/strict';
import { Resolver } from 'node:dns/promises';
import { after, before, describe, test } from 'node:test';
import type { Trust } from '../../src/contracts/mail.ts';
import { metadataOf } from '../../src/mail/metadata.ts';
import { authenticate } from '../../src/mail/trust/authenticate.ts';
import { checkedTrust, unprovable } from '../../src/mail/trust/level.ts';
import { trustOf } from '../../src/mail/trust.ts';
import { startDns, type TestDns } from '../support/dns-server.ts';
import { requireService } from '../support/services.ts';
import { signMails } from '../support/sign-mail.ts';
import { CASES } from './trust-cases.ts';
import { type Case, compose, good, NOW, RECORDS, TROUBLE } from './trust-world.ts';

const skip = requireService('dkimpy');

describe('trust', { skip }, () => {
  let dns: TestDns;
  const resolver = new Resolver({ timeout: 300, tries: 1 });
  const mails = new Map<Case, Buffer>();

  before(async () => {
    dns = await startDns();
    for (const [name, texts] of Object.entries(RECORDS)) dns.txt(name, ...texts);
    for (const [name, kind] of Object.entries(TROUBLE)) dns.trouble(name, kind);
    resolver.setServers([dns.address]);
    const cases = Object.values(CASES).flat();
    const left = cases.map((one) => ({
      one,
      raw: Buffer.from(compose(one.head, one.body)) as Buffer,
      jobs: one.sign === null ? [] : [one.sign ?? {}].flat(),
    }));
    // A mail with several signatures takes one round for each.
    for (let round = 0; left.some(({ jobs }) => jobs.length > round); round++) {
      const now = left.filter(({ jobs }) => jobs.length > round);
      const signed = await signMails(
        now.map(({ raw, jobs }) => ({
          domain: 'example.org',
          selector: 's1',
          key: good,
          ...jobs[round],
          raw,
        })),
      );
      for (const [i, entry] of now.entries()) entry.raw = signed[i] as Buffer;
    }
    for (const { one, raw } of left)
      mails.set(one, one.change ? Buffer.from(one.change(raw.toString('latin1')), 'latin1') : raw);
  });
  after(() => dns?.stop());

  const trustIn = async (
    { authservId = null, at = 0 }: { authservId?: string | null; at?: number },
    raw: Buffer,
  ) => {
    const metadata = metadataOf({ headers: raw, bodyStructure: undefined, size: raw.length });
    const found = await authenticate(raw, {
      lookup: (name, type) => resolver.resolve(name, type as 'TXT'),
      at: new Date(NOW.getTime() + at),
    });
    return { metadata, found, trust: checkedTrust(trustOf(metadata, authservId), found, metadata) };
  };

  for (const [group, cases] of Object.entries(CASES))
    describe(group, () => {
      for (const one of cases)
        test(one.what, async () => {
          const { metadata, found, trust } = await trustIn(one, mails.get(one) as Buffer);
          assert.deepEqual(
            { level: trust.level, reason: one.reason.test(trust.reason) || trust.reason },
            { level: one.level, reason: true },
          );
          for (const [name, value] of Object.entries(one.verdicts ?? {}))
            assert.deepEqual(trust[name as keyof Trust], value, name);
          assert.equal(found.temporary, /could not be asked/.test(trust.reason), 'worth another try');
          // What is said of a mail before it is fetched must never leave out one that could be proved.
          if (trust.level === 'verified') assert.equal(unprovable(metadata), null);
        });
    });

  test('at least 60 mails were judged', () => {
    assert.ok(mails.size >= 60, String(mails.size));
  });
});
