// Which mails are of one conversation where no Message-ID says so.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { metadataOf } from './metadata.ts';
import { bareSubject } from './thread.ts';
import { threadKeys } from './thread-keys.ts';

const mail = (...lines: string[]) =>
  metadataOf({ headers: Buffer.from(lines.join('\r\n')), bodyStructure: undefined, size: 1 });
const HEAD = Buffer.from(`01dc5a0000ab${'c0ffee00'.repeat(4)}`, 'hex');
const index = (head: Buffer, answers: number): string =>
  `Thread-Index: ${Buffer.concat([head, Buffer.alloc(answers * 5, answers)]).toString('base64')}`;

describe('the keys of a conversation', () => {
  it('are the Message-IDs first, then the provider’s, then that of Outlook', () => {
    const keys = threadKeys(
      mail('In-Reply-To: <2@x>', 'References: <1@x>', 'Subject: Offer', index(HEAD, 1)),
      '77',
    );
    assert.deepEqual(keys.slice(0, 3), ['<2@x>', '<1@x>', 'provider-thread:77']);
    assert.match(keys[3] ?? '', /^thread-index:(c0ffee00){4}:[0-9a-f]{16}$/);
    assert.equal(keys.length, 4);
  });

  it('of Outlook are the same for a mail and its answers, whatever their language', () => {
    const first = threadKeys(mail('Subject: Angebot  Stühle', index(HEAD, 0)));
    const subjects = [
      'RE: Angebot Stühle',
      'AW: angebot stühle',
      '回复：Angebot Stühle',
      'Ответ: Re[2]: Angebot Stühle',
    ];
    for (const subject of [
      ...subjects,
      'SV: VS: Angebot Stühle',
      'ΑΠ: Angebot Stühle',
      'השב: Angebot Stühle',
    ]) {
      assert.deepEqual(threadKeys(mail(`Subject: ${subject}`, index(HEAD, 3))), first, subject);
    }
  });

  it('are others for another subject, and for another conversation of the same subject', () => {
    const first = threadKeys(mail('Subject: Offer', index(HEAD, 0)));
    assert.notDeepEqual(threadKeys(mail('Subject: Re: Invoice', index(HEAD, 1))), first);
    const other = Buffer.from(HEAD);
    other[10] = 1;
    assert.notDeepEqual(threadKeys(mail('Subject: Re: Offer', index(other, 1))), first);
  });

  it('are none where the header is broken, empty, or the subject says nothing', () => {
    for (const lines of [
      ['Subject: Offer', 'Thread-Index: AQHb'],
      ['Subject: Offer', 'Thread-Index: %%%%'],
      ['Subject: Offer', `Thread-Index: ${Buffer.alloc(24, 1).toString('base64')}`],
      ['Subject: Offer', `Thread-Index: ${Buffer.alloc(22).toString('base64')}`],
      ['Subject: Offer', `Thread-Index: ${'A'.repeat(10_000)}`],
      ['Subject: Re:', index(HEAD, 1)],
    ]) {
      assert.deepEqual(threadKeys(mail(...lines)), [], lines.join());
    }
  });

  it('cannot be named by a mail: a reference is always in angle brackets', () => {
    const keys = threadKeys(
      mail('References: provider-thread:77 <provider-thread:77>', 'In-Reply-To: provider-thread:77'),
    );
    assert.deepEqual(keys, ['<provider-thread:77>']);
  });
});

it('a word that only looks like the beginning of an answer stays', () => {
  for (const subject of ['Reform: taxes', 'Rabatt: 5 %', 'Hat: blue', 'Values: new']) {
    assert.equal(bareSubject(subject), subject);
  }
});
