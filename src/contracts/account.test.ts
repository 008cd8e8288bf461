// Where watching begins, as it may be written in an account's settings.
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { accountSettings } from './account.ts';

const endpoint = { host: 'mail.example', port: 993, security: 'tls' };
const problemOf = (watch: object): string | undefined => {
  const parsed = accountSettings.safeParse({
    label: 'sales',
    address: 'sales@company.example',
    imap: endpoint,
    smtp: endpoint,
    watch,
  });
  return parsed.error?.issues.map(({ path, message }) => `${path.join('.')}: ${message}`).join();
};

it('watching may begin on a day, so long ago, with all there is, or now', () => {
  for (const watch of [{}, { from_zero: true }, { since: '2026-01-01' }, { since: '30d' }, { since: '12h' }])
    assert.equal(problemOf(watch), undefined, JSON.stringify(watch));
});

it('a beginning that is no day and no duration is refused, and one that is both', () => {
  const hint = 'watch.since: write a day such as 2026-01-01, or a duration such as 30d';
  for (const since of ['2026-02-30', '2026-1-1', 'yesterday', '30 days', '', '2026-01-01T00:00:00Z'])
    assert.equal(problemOf({ since }), hint, since);
  assert.equal(
    problemOf({ since: '30d', from_zero: true }),
    'watch.since: from_zero takes all mail there is: leave out one of the two',
  );
});
