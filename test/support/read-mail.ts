// Mails as Python's email package reads them: a parser of another make than ours.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';

export interface ReadPart {
  type: string;
  params: Record<string, string>;
  disposition: string | null;
  filename: string | null;
  /** With angle brackets. */
  content_id: string | null;
  encoding: string;
  defects: string[];
  /** Of a multipart. */
  parts?: ReadPart[];
  /** Of a leaf, decoded. */
  size?: number;
  sha256?: string;
  /** Of a leaf that is text, or an event. */
  text?: string;
}

export interface ReadAddress {
  name: string;
  address: string;
}

export interface ReadMail {
  /** In order, decoded. */
  headers: [string, string][];
  /** Of the headers, in lower case. */
  names: string[];
  subject: string | null;
  from: ReadAddress[];
  to: ReadAddress[];
  cc: ReadAddress[];
  reply_to: ReadAddress[];
  /** In octets. */
  longest_header_line: number;
  body: ReadPart;
}

/** @throws where Python cannot read one */
export async function readMails(raws: readonly Buffer[]): Promise<ReadMail[]> {
  const python = spawn('python3', [join(import.meta.dirname, 'read-mail.py')], {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: { ...process.env, PYTHONIOENCODING: 'utf-8' },
  });
  const ended = once(python, 'exit');
  python.stdin.end(raws.map((raw) => `${raw.toString('base64')}\n`).join(''));
  const out = await buffer(python.stdout);
  const [code] = await ended;
  if (code !== 0) throw new Error(`python3 ended with ${code}`);
  const lines = out.toString().split('\n').filter(Boolean);
  return lines.map((line) => JSON.parse(line) as ReadMail);
}

export async function readMail(raw: Buffer): Promise<ReadMail> {
  const [mail] = await readMails([raw]);
  if (!mail) throw new Error('there is no mail');
  return mail;
}

/** The tree in one line, such as `mixed(alternative(plain,related(html,png)),pdf)`. */
export function shapeOf({ type, parts }: ReadPart): string {
  const [, name = ''] = type.split('/');
  return parts ? `${name}(${parts.map(shapeOf).join(',')})` : name;
}

/** All leaves, in order. */
export function leavesOf(part: ReadPart): ReadPart[] {
  return part.parts ? part.parts.flatMap(leavesOf) : [part];
}
