// Reports as real programs write them (test/fixtures/bounces), and what only looks like one: what is read of each.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { after, describe, it } from 'node:test';
import { kindOf } from '../mail/kind.ts';
import { closeParser, parseMail } from '../mail/parse.ts';
import { readReport } from './report.ts';
import { reportMailOf } from './report-mail.ts';

interface Expected {
  file: string;
  recipients: { address: string; type: string; kind: string; status: string | null; reason: string }[];
  match: { message_id?: string; envelope_id?: string } | null;
}

const FOLDER = new URL('../../test/fixtures/bounces/', import.meta.url);
const expected = JSON.parse(readFileSync(new URL('expected.json', FOLDER), 'utf8')) as Expected[];
const REPORT_KINDS = ['bounce', 'complaint', 'receipt'];

async function read(file: string) {
  const mail = await parseMail(readFileSync(new URL(file, FOLDER)));
  const own = { addresses: ['anna@sender.example'], isOwnMessageId: () => false };
  return { report: readReport(reportMailOf(mail)), kind: kindOf(mail.metadata, own).kind };
}

describe('the corpus of reports', () => {
  after(() => closeParser());
  let right = 0;

  it('holds at least 60 reports, each with what is expected of it', () => {
    const files = readdirSync(FOLDER).filter((name) => name.endsWith('.eml'));
    assert.ok(files.length >= 60, `${files.length} reports`);
    assert.deepEqual(expected.map(({ file }) => file).sort(), files.sort());
  });

  for (const { file, recipients, match } of expected) {
    it(`reads ${file}`, async () => {
      const { report, kind } = await read(file);
      const got = report?.recipients.map(({ address, type, kind, status, reason }) => ({
        ...{ address, type, kind, status, reason },
      }));
      assert.deepEqual(got, recipients);
      if (match?.message_id !== undefined) assert.ok(report?.messageIds.includes(match.message_id));
      if (match?.envelope_id !== undefined) assert.equal(report?.envelopeId, match.envelope_id);
      assert.ok(REPORT_KINDS.includes(kind), `a session would start from it: ${kind}`);
      right++;
    });
  }

  it('is read right in all of them', (context) => {
    context.diagnostic(`reports read right: ${right} of ${expected.length}`);
    assert.equal(right, expected.length);
  });

  it('takes none of what only looks like a report for one', async (context) => {
    const names = readdirSync(new URL('none/', FOLDER));
    assert.ok(names.length >= 30);
    const taken: string[] = [];
    for (const name of names) if ((await read(`none/${name}`)).report !== null) taken.push(name);
    context.diagnostic(`taken for a report: ${taken.length} of ${names.length}`);
    assert.deepEqual(taken, []);
  });
});
