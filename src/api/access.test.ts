// Who may do what, and how lists are paged: the rules that every door shares.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { demandThread, identityOf, type Principal, permissions, permits } from './access.ts';
import { pageBy } from './pages.ts';

const admin: Principal = { kind: 'key', id: 'admin', name: 'admin' };
const session: Principal = {
  kind: 'session',
  sessionId: 'ses_1',
  accountId: 'acc_1',
  threadId: 'thr_1',
  agent: 'a',
};

describe('a session', () => {
  it('reads and asks within its own thread, and decides about nothing', () => {
    assert.deepEqual(
      permissions.filter((permission) => permits(session, permission)),
      [
        ...['messages:read', 'messages:organise', 'mail:propose', 'knowledge:search'],
        ...['sessions:read', 'sessions:act', 'drafts:read', 'objects:read', 'objects:write'],
      ],
    );
    assert.ok(permissions.every((permission) => permits(admin, permission)));
  });

  it('finds nothing in another thread, nor in a thread of that name in another account', () => {
    const look = (account_id: string, thread_id: string) => () =>
      demandThread(session, { account_id, thread_id }, 'message', 'msg_1');
    assert.doesNotThrow(look('acc_1', 'thr_1'));
    assert.throws(look('acc_1', 'thr_2'), { code: 'not_found' });
    assert.throws(look('acc_2', 'thr_1'), { code: 'not_found' });
  });

  it('is told apart from a key of the same name', () => {
    assert.notEqual(identityOf({ kind: 'key', id: 'ses_1', name: 'x' }), identityOf(session));
  });
});

describe('a page', () => {
  const rows = ['msg_3', 'msg_2', 'msg_1'].map((id) => ({ id }));
  const read = async ({ limit, before }: { limit: number; before?: string }) =>
    rows.filter(({ id }) => before === undefined || id < before).slice(0, limit);

  it('has no token when it is the last one, also when it is just full', async () => {
    assert.equal((await pageBy({ limit: 3 }, read)).next_page_token, null);
    const first = await pageBy({ limit: 2 }, read);
    assert.equal(first.data.length, 2);
    const last = await pageBy({ limit: 2, page_token: first.next_page_token ?? '' }, read);
    assert.deepEqual(last, { data: [{ id: 'msg_1' }], next_page_token: null });
  });

  it('refuses a token that it did not give out', async () => {
    for (const page_token of ['', 'x', '../../etc', Buffer.from("msg_1' or 1").toString('base64url')]) {
      await assert.rejects(pageBy({ limit: 2, page_token }, read), { code: 'invalid_input' });
    }
  });
});
