// What a server may say: measured before it is read.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { AnswerGuard, toldUidValidity } from './answer-guard.ts';

const said = (line: string) => ({ payload: Buffer.from(line, 'latin1'), literals: [] });
const request = {};
const admit = (line: string, fetches = false) => new AnswerGuard().admit(said(line), request, fetches);
const seconds = async (work: () => unknown): Promise<number> => {
  const from = performance.now();
  await work();
  return (performance.now() - from) / 1000;
};

describe('a line of an IMAP server', () => {
  it('passes as it is where it is an ordinary one', () => {
    for (const line of ['* OK ready', '* 3 EXISTS', '* 1 FETCH (UID 1 FLAGS (\\Seen))', '7 OK done']) {
      const answer = said(line);
      assert.deepEqual(new AnswerGuard().admit(answer, request, true), { answer });
    }
  });

  it('is refused where it is longer than anything that is said', () => {
    const code = { code: 'answer_too_large' };
    assert.throws(() => admit(`* OK [ALERT] ${'a'.repeat(1_000_000)}`), code);
    assert.throws(() => admit(`* FLAGS (${'a '.repeat(100_000)})`), code);
    assert.throws(() => admit(`* OK [${'['.repeat(60_000)}] x`), code);
  });

  it('has its sets of UIDs quoted, which the library reads in linear time', () => {
    const set = Array.from({ length: 100_000 }, (_, at) => 2 * at + 1).join(',');
    for (const [line, quoted] of [
      [`* ESEARCH (TAG "1") UID ALL ${set}`, `* ESEARCH (TAG "1") UID ALL "${set}"`],
      [`* VANISHED (EARLIER) ${set}`, `* VANISHED (EARLIER) "${set}"`],
    ] as const) {
      const admission = admit(line);
      assert.ok(typeof admission === 'object');
      assert.equal(admission.answer.payload.toString(), quoted);
    }
  });

  it('is no reason to hang up where it is about a message, because its sender could have wanted that', () => {
    assert.equal(admit(`* 1 FETCH (UID 1 X "${'['.repeat(5_000)}")`, true), 'unread');
    assert.equal(admit(`* 1 FETCH (UID 1 X ${'1,'.repeat(5_000)}2)`, true), 'unread');
    assert.equal(admit(`* 1 FETCH (UID 1 BODYSTRUCTURE (${'("A")'.repeat(50_000)}))`, true), 'unread');
  });

  it('that tells of the removal of more messages than there can be is left out', () => {
    assert.equal(admit('* VANISHED 1:4294967295'), 'ignore');
    assert.equal(typeof admit('* VANISHED 1:500000'), 'object');
  });

  it('is one too many after 50,000 that nobody asked for, counted for each command', () => {
    const guard = new AnswerGuard();
    const line = said('* 1 EXISTS');
    for (let at = 0; at < 50_000; at++) guard.admit(line, request, false);
    guard.admit(line, {}, false);
    const flood = () => {
      for (let at = 0; at < 50_001; at++) guard.admit(line, request, false);
    };
    assert.throws(flood, { code: 'server_floods', retry: 'later' });
  });

  it('is measured quickly, however long', async () => {
    const line = `* SEARCH${' 1234567'.repeat(500_000)}`;
    assert.ok((await seconds(() => admit(line))) < 2);
  });

  it('tells of a new UIDVALIDITY', () => {
    assert.equal(toldUidValidity(Buffer.from('* OK [UIDVALIDITY 7] new')), '7');
    assert.equal(toldUidValidity(Buffer.from('* OK [UIDNEXT 7] new')), null);
  });
});
