// Digests from the rules files to mail that left, over real servers: their sources, their lists, their times.
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { BroadcastView, DigestView } from '../../src/contracts/broadcast.ts';
import { type House, header, openHouse } from './house.ts';

const SHIFTED = fileURLToPath(new URL('../support/shifted-clock.ts', import.meta.url));
const SHIPPED = fileURLToPath(new URL('../../templates/', import.meta.url));
const NEWS = {
  'subject.hbs': '{{digest.name}} for {{recipient.name}}',
  'text.hbs':
    '{{#each rows}}{{this.label}} {{/each}}| {{report.sales}} | {{fixed}} | {{mails.count}} mails\n',
};
const TABLE = `
      rows: { sql: "select label from accounts where created_at <= :until" }
      fixed: { value: "as it stands" }
      mails: { messages: { since: 7d } }`;

const digest = (more: string, data = TABLE): string => `
digests:
  - name: daily news
    cron: "0 8 * * *"
    timezone: Europe/Zurich
    template: news
${more}
    data:${data}
`;

/** The broadcast that a digest made, once it is there. */
const madeBy = (house: House): Promise<BroadcastView> =>
  house.gateway.until(async () => (await house.broadcasts())[0]);

const run = async (house: House) => {
  const { status, body } = await house.gateway.request('POST', '/v1/digests/daily%20news/run');
  assert.equal(status, 200, JSON.stringify(body));
};

describe('a digest', () => {
  it('is made of its sources, for whoever stands in its file, and waits for a person', async () => {
    const reports = createServer((request, response) => {
      assert.equal(request.headers.authorization, 'Bearer secret');
      response.end(JSON.stringify({ sales: '<b>7</b>' }));
    });
    await new Promise<void>((resolve) => reports.listen(0, '127.0.0.1', resolve));
    const { port } = reports.address() as AddressInfo;
    const source = `
      report: { http: { url: "http://127.0.0.1:${port}/today", allow_private: true, headers: { Authorization: "env:REPORT_KEY" } } }`;
    await using house = await openHouse({
      rules: digest('    to: { file: board.csv }', TABLE + source),
      templates: { news: { ...NEWS, 'html.hbs': '<p>{{report.sales}}</p>' } },
      env: { REPORT_KEY: 'Bearer secret' },
    });
    const { gateway, smtp } = house;
    await writeFile(
      join(gateway.folder, 'rules', 'board.csv'),
      'address;name\nanna@example.org;Anna\n"ben@example.org";Ben\n',
    );
    await run(house);
    const made = await madeBy(house);
    assert.deepEqual([made.state, made.digest_name, made.counts.total], ['waiting', 'daily news', 2]);
    assert.equal(made.text, 'sales | <b>7</b> | as it stands | 0 mails\n');
    assert.equal(made.html, '<p>&lt;b&gt;7&lt;/b&gt;</p>');
    await gateway.request('POST', `/v1/broadcasts/${made.id}/approve`, { digest: made.digest });
    await house.reaches(made.id, 'done');
    assert.deepEqual(
      smtp
        .messages()
        .map(({ raw }) => header(raw, 'Subject'))
        .sort(),
      ['daily news for Anna', 'daily news for Ben'],
    );
    reports.close();
  });

  it('goes by itself where the files say so, to whom a query finds, and tells how it ended', async () => {
    const query =
      "select 'Carl' as name, 'carl@example.org' as address union select 'Dora', 'dora@example.org'";
    const more = `    to: { query: "${query}" }\n    approve: false\n    report: ops@company.example`;
    await using house = await openHouse({
      rules: digest(more, `${TABLE}\n      report: { value: { sales: 1 } }`),
      templates: { news: NEWS },
    });
    await run(house);
    const made = await madeBy(house);
    await house.reaches(made.id, 'done');
    const mails = await house.smtp.waitFor(3);
    const report = mails.find(({ recipients }) => recipients.includes('ops@company.example'));
    assert.match(report?.raw.toString('utf8') ?? '', /Sent +2\r\n/);
    assert.equal((await house.broadcast(made.id)).decided_by, 'digest daily news');
  });

  it('that cannot be made says why, and the next one is tried all the same', async () => {
    await using house = await openHouse({
      rules: digest('    to: { file: nobody.csv }'),
      templates: { news: NEWS },
    });
    await run(house);
    const failed = await house.gateway.until(async () => {
      const { last } = await house.digest('daily news');
      return last?.state === 'failed' && last;
    });
    assert.match(failed.error ?? '', /nobody\.csv cannot be read: it is not there/);
    await writeFile(join(house.gateway.folder, 'rules', 'nobody.csv'), 'address\nanna@example.org\n');
    const data = `${TABLE}\n      report: { value: { sales: 1 } }`;
    await house.gateway.rules('rules.yaml', digest('    to: { file: nobody.csv }', data));
    await house.gateway.until(async () => {
      await run(house);
      return (await house.broadcasts()).length > 0;
    });
  });

  it('is shown as it would be, and sent to oneself, and nobody else hears of it', async () => {
    const data = `${TABLE}\n      report: { value: { sales: 1 } }`;
    await using house = await openHouse({
      rules: digest('    to: [Anna <anna@example.org>, ben@example.org]', data),
      templates: { news: NEWS },
    });
    const shown = await house.gateway.request<{
      subject: string;
      recipients: number;
      submission_id: string | null;
    }>('POST', '/v1/digests/daily%20news/preview', {});
    assert.deepEqual(
      [shown.body.subject, shown.body.recipients, shown.body.submission_id],
      ['daily news for Anna', 2, null],
    );
    const sent = await house.gateway.request('POST', '/v1/digests/daily%20news/preview', {
      send_to: 'me@company.example',
    });
    assert.equal(sent.status, 200, JSON.stringify(sent.body));
    const [mail] = await house.smtp.waitFor(1);
    assert.deepEqual(mail?.recipients, ['me@company.example']);
    assert.equal(header(mail?.raw as Buffer, 'List-Id'), null);
    assert.equal((await house.broadcasts()).length, 0);
  });

  it('says what came, was done, waits and left, where its file names a time, a template and a list alone', async () => {
    const rules = `digests:\n  - { name: executive digest, cron: "0 8 * * 1-5", timezone: Europe/Zurich, template: executive-digest, to: [board@example.org] }\n`;
    await using house = await openHouse({ rules, env: { POSTERN_TEMPLATES: SHIPPED } });
    const shown = await house.gateway.request<{ subject: string; html: string }>(
      'POST',
      '/v1/digests/executive%20digest/preview',
      {},
    );
    assert.equal(shown.status, 200, JSON.stringify(shown.body));
    assert.notEqual(shown.body.subject, '');
    assert.match(shown.body.html, /<html/);
  });

  it('fires at its time and after a restart, each time once; paused, it does not', async () => {
    const data = `${TABLE}\n      report: { value: { sales: 1 } }`;
    const rules = digest('    to: [anna@example.org]\n    missed: all', data);
    const later = (days: number) => ({
      NODE_OPTIONS: `--import ${SHIFTED}`,
      TEST_CLOCK_LATER_MS: String(days * 24 * 3_600_000),
    });
    await using house = await openHouse({ rules, templates: { news: NEWS } });
    const { gateway } = house;
    assert.equal((await house.digest('daily news')).last, null);
    await gateway.stop();
    gateway.setEnv(later(3));
    await gateway.start();
    const three = await gateway.until(async () => {
      const found = await house.broadcasts();
      return found.length >= 3 && found;
    });
    assert.equal(three.length, 3);
    await gateway.kill();
    await gateway.start();
    const paused = await gateway.request<DigestView>('POST', '/v1/digests/daily%20news/pause');
    assert.deepEqual([paused.body.paused_by, paused.body.next_at], ['admin', null]);
    await gateway.stop();
    gateway.setEnv(later(10));
    await gateway.start();
    const resumed = await gateway.request<DigestView>('POST', '/v1/digests/daily%20news/resume');
    assert.ok((resumed.body.next_at ?? 0) > Date.now() + 9 * 24 * 3_600_000);
    assert.equal((await house.broadcasts()).length, 3);
  });
});
