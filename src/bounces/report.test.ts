// Reports that are written to hurt: what is read of them is bounded, in time and in what comes of it.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type ReportMail, readReport } from './report.ts';

const OCTETS = 512 * 1024; // as much as is read of a report
const LIMIT_MS = 5_000; // a hundred times what it takes on a machine that does nothing else

const mail = (change: Partial<ReportMail>): ReportMail => ({
  ...{ headers: Object.create(null), from: 'mailer-daemon@x.example', to: ['sales@company.example'] },
  ...{ subject: 'failure notice', text: '', parts: [] },
  ...change,
});
const status = (text: string) => ({ type: 'message/delivery-status', content: Buffer.from(text) });
const group = (at: number) =>
  `Final-Recipient: rfc822;p${at}@b.example\nAction: failed\nStatus: 5.0.0\n` +
  `Diagnostic-Code: smtp; ${at} ${'the mailbox of the user is not '.repeat(12)}\n\n`;

const HOSTILE: Record<string, ReportMail> = {
  'white space': mail({ text: ' '.repeat(OCTETS) }),
  'empty lines': mail({ text: '\n'.repeat(OCTETS) }),
  'the beginnings of a line that gives back': mail({ text: '-=_ '.repeat(OCTETS / 4) }),
  'thousands of addresses in one line': mail({ text: `undeliverable ${'a@b.example '.repeat(40_000)}` }),
  'thousands of addresses in lines': mail({
    text: `undeliverable\n${Array.from({ length: 9_000 }, (_, at) => `p${at}@b.example`).join('\n')}`,
  }),
  'the beginnings of reasons': mail({
    text: `undeliverable p@b.example ${'mailbox user is not '.repeat(20_000)}`,
  }),
  'a report on a thousand recipients': mail({
    text: 'could not be delivered '.repeat(1_000),
    parts: [
      status(`Reporting-MTA: dns;x\n\n${Array.from({ length: 1_000 }, (_, at) => group(at)).join('')}`),
    ],
  }),
  'headers that name twenty thousand who failed': mail({
    headers: Object.assign(Object.create(null), {
      'x-failed-recipients': Array.from({ length: 2_000 }, (_, at) =>
        Array.from({ length: 10 }, (_, to) => `${at}x${to}@b.example`).join(','),
      ),
    }),
    text: 'could not be delivered to any of them '.repeat(1_000),
  }),
  'groups without end': mail({ parts: [status('a: b\n\n'.repeat(OCTETS / 6))] }),
  'one field without end': mail({ parts: [status(`Final-Recipient: rfc822; ${'a'.repeat(OCTETS)}`)] }),
};

describe('a hostile report', () => {
  for (const [name, hostile] of Object.entries(HOSTILE)) {
    it(`made of ${name} is read within bounds`, () => {
      const startedAt = performance.now();
      const report = readReport(hostile);
      assert.ok(performance.now() - startedAt < LIMIT_MS);
      assert.ok((report?.recipients.length ?? 0) <= 500);
    });
  }

  it('without anything in it is none', () => {
    assert.equal(readReport(mail({ from: null, subject: '' })), null);
    assert.equal(readReport(mail({ subject: '', parts: [status('')] })), null);
    assert.equal(
      readReport(mail({ parts: [{ type: 'message/feedback-report', content: Buffer.alloc(0) }] }))
        ?.recipients[0]?.address,
      null,
    );
  });
});
