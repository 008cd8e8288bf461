// Makes, watches and retires keys as fast as it can, for a test that kills it. Told by its arguments where the ledger is and
// where the name server; two days go by before each look.
import { keysFromSettings } from '../../src/accounts/master-keys.ts';
import { Vault } from '../../src/accounts/vault.ts';
import { registerDomains } from '../../src/domains/register.ts';
import { silentLogger } from '../../src/kernel/logger.ts';
import { DnsRecords } from '../../src/network/dns-records.ts';
import { openSqlite } from '../../src/store/sqlite.ts';

const TWO_DAYS_MS = 2 * 24 * 3_600_000;
const [path = '', server = '', master = '', domain = ''] = process.argv.slice(2);
const store = await openSqlite(path);
// Each look is two days after the one before, also across kills: the ledger says when the last one was.
const latest = await store.db
  .selectFrom('dkim_keys')
  .select((eb) => eb.fn.max('checked_at').as('at'))
  .executeTakeFirst();
let now = Math.max(Date.now(), Number(latest?.at ?? 0));
const clock = { now: () => now };
const records = new DnsRecords({ clock, servers: [server] });
const vault = new Vault(keysFromSettings(Buffer.from(master, 'hex'), Buffer.from(master, 'hex').reverse()));
const { domains, keyWatch } = registerDomains({
  ...{ store, vault, clock, log: silentLogger },
  accounts: { list: async () => [] },
  ask: (name, type) => records.ask(name, type),
});
for (;;) {
  for (const { record } of (await domains.rotate(domain, { algorithm: 'ed25519' })).keys)
    process.stdout.write(`${record.name}\t${record.value}\n`); // whoever runs this publishes it
  now += TWO_DAYS_MS;
  await keyWatch.look();
  const { keys } = await domains.get(domain);
  for (const { state, selector } of keys) if (state === 'retired') await domains.removeKey(domain, selector);
}
