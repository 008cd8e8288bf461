// Answers as mail programs write them, over languages and programs: test/fixtures/reply-text holds them and what is
// wanted of each. The share that is right is printed.
import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { readSamples, type Sample } from '../../test/fixtures/reply-text/samples.ts';
import type { MailContent, MailPart } from '../contracts/mail.ts';
import { contentOf } from './content.ts';
import { HiddenText } from './hidden-text.ts';
import { readHtml } from './html.ts';
import { lineKinds } from './reply-text.ts';
import { answersAnother } from './thread.ts';

const samples = readSamples();
let right = 0;

const contentOfSample = ({ type, body, subject }: Sample): MailContent => {
  const part: MailPart = {
    path: '1',
    type,
    charset: 'utf-8',
    encoding: '8bit',
    size: 0,
    disposition: null,
    filename: null,
    content_id: null,
    flowed: false,
    delsp: false,
  };
  const bytes = Buffer.from(body.replaceAll('\n', '\r\n'));
  return contentOf([{ part, bytes, truncated: false }], { subject });
};

test('there are at least 100 samples, each with a name of its own', () => {
  assert.equal(new Set(samples.map(({ name }) => name)).size, samples.length);
  assert.ok(samples.length >= 100);
});

describe('the reply text of a sample is what its sender wrote', () => {
  after(() => process.stdout.write(`# reply text: ${right} of ${samples.length} samples are right\n`));

  for (const sample of samples) {
    test(sample.name, () => {
      const { text, reply_text: reply } = contentOfSample(sample);
      assert.equal(reply, sample.reply ?? text.replace(/^\n+/, '').trimEnd());
      right++;
    });
  }
});

describe('a sample holds a forwarded mail, or none', () => {
  for (const sample of samples) {
    test(sample.name, () => {
      const { subject, type, body } = sample;
      const { text, marks } =
        type === 'text/html' ? readHtml(body, new HiddenText()) : { text: body, marks: [] };
      const kinds = lineKinds(text.split('\n'), { subject, answers: answersAnother({ subject }), marks });
      assert.equal(kinds.includes('forwarded'), sample.forwarded);
    });
  }
});
