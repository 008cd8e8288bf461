// Events that are posted with attachments beside them: kept for their days and no longer, the same at every attempt; and
// the mail inside of a journal's report.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { after, before, describe, it } from 'node:test';
import type { PostedEvent } from '../../src/contracts/mail-event.ts';
import { base64, head, join, multipart, part } from '../fixtures/compose.ts';
import { eventMails } from '../source/event-mails.ts';
import { type Dovecot, startDovecot } from '../support/dovecot.ts';
import { requireService } from '../support/services.ts';
import { eventually } from '../support/waiting.ts';
import { openDeliveryHouse } from './house.ts';
import { type Posted, type Receiver, startReceiver } from './receiver.ts';

const DAY_MS = 86_400_000;
const SMALL = randomBytes(1_000); // in the ledger
const LARGE = randomBytes(400_000); // in the object store

describe('an event with attachments beside it', { skip: requireService('dovecot') }, () => {
  let dovecot: Dovecot;
  let receiver: Receiver;
  let users = 0;
  before(async () => {
    dovecot = await startDovecot();
    receiver = await startReceiver();
  });
  after(async () => {
    await receiver?.[Symbol.asyncDispose]();
    await dovecot?.stop();
  });

  const open = async (rest: string) => {
    const user = `user-${++users}`;
    await dovecot.addUser(user);
    const rules = `
destinations:
  siem: { url: "${receiver.url}/in", allow_private: true, ${rest} }
rules: [{ name: all mail, then: [{ post: siem }] }]
`;
    return openDeliveryHouse(dovecot, { rules, user });
  };
  const read = ({ body }: Posted): PostedEvent => JSON.parse(body.toString('utf8')) as PostedEvent;
  const withFiles = (id: string): Buffer => {
    const files = [SMALL, LARGE].map((file, at) =>
      part(
        [`Content-Type: application/pdf; name="${at}.pdf"`, 'Content-Transfer-Encoding: base64'],
        base64(file),
      ),
    );
    const text = part(['Content-Type: text/plain'], 'See below.');
    return join(
      head(id, 'Files', 'Content-Type: multipart/mixed; boundary="b"', ''),
      multipart('b', text, ...files),
    );
  };
  const filesIn = async (folder: string) =>
    (await readdir(folder, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile());

  it('refers to the same artifacts at every attempt; they are gone after their days, and the audit tells', async () => {
    await using house = await open('attachment_retention_days: 7');
    let asked = 0;
    receiver.answers((res) => void res.writeHead(++asked === 1 ? 503 : 204).end());
    const before = receiver.posted.length;
    await house.arrive(withFiles('kept'));
    const first = read(await receiver.request(before + 1));
    await house.until(async () => (await house.deliveries.list({ limit: 1 }))[0]?.state === 'queued');
    house.advance(10_000);
    const second = read(await receiver.request(before + 2));
    assert.deepEqual(second, first);
    assert.equal(first.data.message.parts[0]?.artifact, null);
    const ids = first.data.message.parts.flatMap(({ artifact }) => artifact?.id ?? []);
    assert.equal(ids.length, 2);
    for (const [at, file] of [SMALL, LARGE].entries()) {
      const bytes: Buffer[] = [];
      for await (const piece of await (await house.artifacts.open(String(ids[at]))).open()) bytes.push(piece);
      assert.deepEqual(Buffer.concat(bytes), file);
    }
    assert.equal((await filesIn(house.objectsFolder)).length, 1);
    assert.equal((await house.artifacts.list({ event: first.routing.event_id, limit: 10 })).length, 2);

    house.advance(6 * DAY_MS);
    assert.equal((await house.artifacts.list({ limit: 10 })).length, 2);
    house.advance(1 * DAY_MS + 1);
    await assert.rejects(house.artifacts.get(String(ids[0])), { code: 'not_found' }, 'at once');
    const removed = () => house.audit.list({ operation: 'artifact.expire', limit: 10 });
    await eventually(async () => (await removed()).length === 2);
    const removals = await removed();
    for (const [at, id] of ids.entries()) {
      const entry = removals.find(({ target }) => target.includes(id));
      assert.deepEqual([entry?.principal, entry?.outcome], ['postern', 'ok']);
      const sha256 = first.data.message.parts[at + 1]?.hashes?.sha256;
      assert.match(entry?.target ?? '', new RegExp(`;part=${at + 2};sha256=${sha256}$`));
    }
    assert.deepEqual(await filesIn(house.objectsFolder), []);
    const left = await house.store.db.selectFrom('objects').select('id').execute();
    assert.deepEqual(left, []);
  });

  it('leaves nothing behind for ever where it is killed between the bytes and the ledger', async () => {
    await using house = await open('attachment_retention_days: 1');
    async function* bytes() {
      yield LARGE;
    }
    await house.artifacts.stage(bytes(), 1); // and nobody comes to keep it
    assert.equal((await filesIn(house.objectsFolder)).length, 1);
    house.advance(DAY_MS + 1);
    await eventually(async () => (await filesIn(house.objectsFolder)).length === 0);
  });

  it('is that of the mail inside of a journal, where that is asked for, and of the report where not', async () => {
    receiver.answers(204);
    for (const isAsked of [true, false]) {
      await using house = await open(`journal: ${isAsked}`);
      const before = receiver.posted.length;
      await house.arrive(eventMails.get('journal of a mail with files') ?? '');
      const { data, routing } = read(await receiver.request(before + 1));
      await house.all('delivered');
      const [delivery] = await house.deliveries.list({ limit: 1 });
      assert.deepEqual([routing.event_id, data.message.id], [delivery?.id, delivery?.message_id]);
      if (isAsked) {
        assert.deepEqual([data.message.subject, data.message.text.trim()], ['Offer', 'The offer, für Sie.']);
        assert.deepEqual(
          data.journal?.recipients.map(({ field, address }) => `${field} ${address}`),
          [
            'to bob@company.example',
            'cc zoe@company.example',
            'bcc eve@company.example',
            'recipient last@company.example',
          ],
        );
        assert.equal(data.message.trust.level, 'unverified');
      } else {
        assert.deepEqual([data.message.subject, data.journal], ['The report', null]);
      }
    }
  });
});
