// The mail that is measured with: the same bytes in every run, in the sizes of the budget.

/** Senders come from so many companies, in turn; rule-set.ts names some of them. */
export const COMPANIES = 2_500;
const ATTACHED_EVERY = 5;
const PDF_BYTES = 60_000;
const BODY_CHARS = 2_600; // with the headers about 4 kB

const SENTENCES = [
  'Thank you for the samples, which arrived in good order on Tuesday morning.',
  'Could you tell us by the end of the week how many of them are in stock?',
  'The delivery address has changed; please see the attached sheet for details.',
  'Our purchasing department asks for the usual terms of thirty days net.',
  'We would be glad to hear from you, and remain at your disposal for questions.',
];

/** Mail number `index` as raw bytes: about 4 kB, every fifth with a PDF of 60 kB. @param tag sets series apart */
export function rawMail(index: number, tag = 'bench'): Buffer {
  const company = `company${index % COMPANIES}.example`;
  const id = `<${tag}.${index}.5f3a9c@mail.${company}>`;
  const date = new Date(Date.UTC(2026, 10, 1) + index * 61_000).toUTCString().replace('GMT', '+0000');
  const text = wrapped(textOf(index));
  const head = [
    `Return-Path: <person${index % 7}@${company}>`,
    `Received: from mx.${company} (mx.${company} [192.0.2.${index % 250}])`,
    `\tby mail.receiver.example (Postfix) with ESMTPS id 4Zq${index.toString(36)}`,
    `\tfor <bench@receiver.example>; ${date}`,
    `Received: from [10.0.0.${index % 250}] (unknown [198.51.100.7])`,
    `\tby mx.${company} (Postfix) with ESMTPSA id 7Rb${index.toString(36)}; ${date}`,
    `Authentication-Results: mail.receiver.example; dkim=pass header.d=${company};`,
    `\tspf=pass smtp.mailfrom=${company}; dmarc=pass header.from=${company}`,
    `DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=${company}; s=s2026;`,
    '\th=from:to:subject:date:message-id:mime-version;',
    `\tbh=${'q'.repeat(43)}=;`,
    `\tb=${'mN4x'.repeat(15)}`,
    `\t ${'Zk8w'.repeat(15)}==`,
    `From: "Person ${index % 7}" <person${index % 7}@${company}>`,
    'To: Bench <bench@receiver.example>',
    `Cc: team@${company}`,
    `Subject: Shipment ${index} of our order for spring`,
    `Message-ID: ${id}`,
    `Date: ${date}`,
    'User-Agent: Mozilla Thunderbird',
    'MIME-Version: 1.0',
  ];
  const plain = ['Content-Type: text/plain; charset=utf-8; format=flowed', 'Content-Transfer-Encoding: 7bit'];
  if (index % ATTACHED_EVERY !== 0) return lines([...head, ...plain, '', text]);
  const boundary = `------------${index.toString(36).padStart(16, '0')}`;
  return lines([
    ...head,
    `Content-Type: multipart/mixed; boundary="${boundary}"`,
    '',
    'This is a multi-part message in MIME format.',
    `--${boundary}`,
    ...plain,
    '',
    text,
    `--${boundary}`,
    `Content-Type: application/pdf; name="delivery-${index}.pdf"`,
    `Content-Disposition: attachment; filename="delivery-${index}.pdf"`,
    'Content-Transfer-Encoding: base64',
    '',
    pdf,
    `--${boundary}--`,
    '',
  ]);
}

/** What an operator writes: about 4 kB of text and HTML together. */
export function outgoingMail(index: number): { to: string; subject: string; text: string; html: string } {
  const text = textOf(index).slice(0, 1_700);
  return {
    to: `person${index}@company${index % COMPANIES}.example`,
    subject: `Your shipment ${index}`,
    text,
    html: `<p>${text.replaceAll('\n\n', '</p>\r\n<p>')}</p>`,
  };
}

function textOf(index: number): string {
  let text = `Hello,\n\nthis is about shipment ${index}.\n\n`;
  for (let at = index; text.length < BODY_CHARS - 120; at++) {
    text += `${SENTENCES[at % SENTENCES.length]} (${at})${at % 3 === 0 ? '\n\n' : ' '}`;
  }
  return `${text}\n\nRegards`;
}

function wrapped(text: string): string {
  return text.replace(/(.{1,72})(?:\s|$)/g, '$1\n').trimEnd();
}

const lines = (all: readonly string[]): Buffer =>
  Buffer.from(`${all.join('\r\n').replace(/\r?\n/g, '\r\n')}\r\n`);

/** Bytes that look random, as those of a PDF do. */
function pdfBytes(): Buffer {
  const bytes = Buffer.alloc(PDF_BYTES);
  let state = 1;
  for (let i = 0; i < bytes.length; i++) {
    state = (state * 1_103_515_245 + 12_345) & 0x7fffffff;
    bytes[i] = state >>> 16;
  }
  bytes.write('%PDF-1.7\n');
  return bytes;
}

const pdf = pdfBytes().toString('base64').replace(/.{76}/g, '$&\r\n');

/** A mail with one file beside a short text. */
export function mailWithFile(file: Buffer, subject: string, number: number): Buffer {
  const head = [
    'From: Person <person@customer.example>',
    'To: Bench <bench@receiver.example>',
    `Subject: ${subject} ${number}`,
    `Message-ID: <attachment.${number}@mail.customer.example>`,
    `Date: ${new Date().toUTCString()}`,
    'MIME-Version: 1.0',
    'Content-Type: multipart/mixed; boundary=b1',
    '',
    '--b1',
    'Content-Type: text/plain',
    '',
    'A file.',
    '--b1',
    'Content-Type: application/octet-stream; name=file.bin',
    'Content-Disposition: attachment; filename=file.bin',
    'Content-Transfer-Encoding: base64',
    '',
    '',
  ].join('\r\n');
  const encoded = file.toString('base64').replace(/.{76}/g, '$&\r\n');
  return Buffer.concat([Buffer.from(head), Buffer.from(encoded), Buffer.from('\r\n--b1--\r\n')]);
}
