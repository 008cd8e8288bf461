// Who is known to an account: whom it has written to, by what left from here and by what lies among its sent mail.
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { Account } from '../accounts/accounts.ts';
import { metadataOf } from '../mail/metadata.ts';
import { openSqlite } from '../store/sqlite.ts';
import type { Store } from '../store/store.ts';
import type { Arrival } from './arrival.ts';
import { Correspondents, noteCorrespondents, noteSentMail } from './correspondents.ts';

const account = (id: string, version = 1): Account =>
  ({ id, version, settings: { address: 'sales@company.example' } }) as unknown as Account;
const arrival = (mailbox: string, kind: Arrival['kind'], to: string): Arrival =>
  ({
    mailbox,
    kind,
    account: account('acc_2'),
    metadata: metadataOf({
      headers: Buffer.from(`From: sales@company.example\r\nTo: ${to}\r\nCc: cc-${to}\r\n\r\n`),
      bodyStructure: undefined,
      size: 1,
    }),
  }) as unknown as Arrival;

describe('the people whom an account has written to', () => {
  let folder: string;
  let store: Store;
  let correspondents: Correspondents;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'postern-trust-'));
    store = await openSqlite(join(folder, 'ledger.sqlite'));
    correspondents = new Correspondents(store);
  });
  after(async () => {
    await store.close();
    await rm(folder, { recursive: true, force: true });
  });
  const note = (id: string, name: string, address: string, now: number) =>
    store.write((tx) => noteCorrespondents(tx, id, [{ name, address }], now));
  const like = async (address: string, id = 'acc_1') =>
    (await correspondents.of(account(id))).resembled(address);

  it('are known from the next mail on, also those that another process has noted', async () => {
    assert.equal(await like('ann@pr0spect.example'), null);
    await note('acc_1', 'Ann Lee', 'Ann@Prospect.example', 1_000_000);
    assert.equal(await like('ann@pr0spect.example'), 'prospect.example');
    await note('acc_1', '', 'bob@mill.example', 1_000_000 - 1_000); // committed late
    assert.equal(await like('bob@mi11.example'), 'mill.example');
    assert.ok(
      (await correspondents.of(account('acc_1'))).isNameOfAnother({
        name: 'Ann Lee',
        address: 'x@y.example',
      }),
    );
  });

  it('are known to that account alone, which knows itself too', async () => {
    assert.equal(await like('ann@pr0spect.example', 'acc_9'), null);
    assert.equal(await like('sales@c0mpany.example', 'acc_9'), 'company.example');
  });

  it('are those of its sent mail, and never those whom a mail in another mailbox names', async () => {
    await store.write((tx) =>
      noteSentMail(
        tx,
        [
          arrival('INBOX', 'own', 'forged@evil.example'),
          arrival('Sent', 'personal', 'other@evil.example'),
          arrival('[Gmail]/Sent Mail', 'own', 'carla@customer.example'),
          arrival('INBOX.Sent', 'own', 'dora@supplier.example'),
        ],
        5,
      ),
    );
    const rows = await store.db
      .selectFrom('correspondents')
      .select('address')
      .where('account_id', '=', 'acc_2')
      .orderBy('address')
      .execute();
    assert.deepEqual(
      rows.map(({ address }) => address),
      [
        ...['carla@customer.example', 'cc-carla@customer.example'],
        ...['cc-dora@supplier.example', 'dora@supplier.example'],
      ],
    );
  });
});
