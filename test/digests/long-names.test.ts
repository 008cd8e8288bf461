// The longest name of a list and the longest address still make a link that a mail can hold; a longer name is told at once.
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { leavingToken } from '../../src/bounces/tokens.ts';
import { headOf, type Wanted } from '../../src/digests/make.ts';
import { listHeaders } from '../../src/outbound/list-headers.ts';

it('a recipient with the longest address leaves a list with the longest name by either link', () => {
  const address = `${'a'.repeat(64)}@${'b'.repeat(60)}.${'c'.repeat(60)}.${'d'.repeat(58)}.example`;
  const leaving = { accountId: `acc_${'0'.repeat(26)}`, list: '摘'.repeat(85), address };
  const token = leavingToken(Buffer.alloc(32), leaving);
  const headers = listHeaders({
    list_unsubscribe: {
      https: `https://mail.example.org/u/${token}`,
      mailto: `mailto:sales@example.org?subject=unsubscribe%20${token}`,
    },
  });
  assert.equal(headers['List-Unsubscribe']?.split(token).length, 3);
});

it('a name that is too long for a link is refused before anything is made', async () => {
  const wanted = { list: '摘'.repeat(86), unsubscribe: true, recipients: [] } as unknown as Wanted;
  await assert.rejects(headOf({} as never, wanted, 0), { code: 'invalid_input' });
});
