// The thread in which the signatures of mails are checked: it is given their octets piece by piece, asks for records of
// the DNS through the thread that it belongs to, and answers with plain objects. proof-thread.ts ends it when one mail
// takes too long.
import { Readable } from 'node:stream';
import { parentPort } from 'node:worker_threads';
import { explain } from '../../kernel/errors.ts';
import { type Authenticity, authenticate } from './authenticate.ts';

export type ProofRequest =
  | { kind: 'begin'; mail: number; at: number }
  /** Null: that was all. */
  | { kind: 'octets'; mail: number; bytes: Uint8Array | null }
  | { kind: 'records'; lookup: number; records: string[][] }
  | { kind: 'no records'; lookup: number; code: string }
  | { kind: 'forget'; mail: number };

export type ProofResponse =
  | { kind: 'ready' }
  /** The mail's next piece is wanted. */
  | { kind: 'more'; mail: number }
  | { kind: 'lookup'; mail: number; lookup: number; name: string; type: string }
  | { kind: 'found'; mail: number; found: Authenticity }
  | { kind: 'failed'; mail: number; message: string };

const port = parentPort;
const say = (response: ProofResponse): void => port?.postMessage(response);

interface Lookup {
  mail: number;
  resolve(records: string[][]): void;
  reject(error: Error): void;
}

const mails = new Map<number, Readable>();
const lookups = new Map<number, Lookup>();
let lastLookup = 0;

port?.on('message', (request: ProofRequest) => {
  if (request.kind === 'begin') void check(request.mail, new Date(request.at));
  else if (request.kind === 'octets') mails.get(request.mail)?.push(request.bytes);
  else if (request.kind === 'forget') forget(request.mail);
  else settle(request);
});
say({ kind: 'ready' });

async function check(mail: number, at: Date): Promise<void> {
  const raw = new Readable({ read: () => say({ kind: 'more', mail }) });
  mails.set(mail, raw);
  try {
    const lookup = (name: string, type: string): Promise<string[][]> => ask(mail, name, type);
    const found = await authenticate(raw, { lookup, at });
    if (mails.has(mail)) say({ kind: 'found', mail, found });
  } catch (error) {
    if (mails.has(mail)) say({ kind: 'failed', mail, message: explain(error) });
  } finally {
    forget(mail);
  }
}

function ask(mail: number, name: string, type: string): Promise<string[][]> {
  const lookup = ++lastLookup;
  return new Promise((resolve, reject) => {
    lookups.set(lookup, { mail, resolve, reject });
    say({ kind: 'lookup', mail, lookup, name, type });
  });
}

function settle(request: Extract<ProofRequest, { lookup: number }>): void {
  const lookup = lookups.get(request.lookup);
  lookups.delete(request.lookup);
  if (request.kind === 'records') lookup?.resolve(request.records);
  else lookup?.reject(Object.assign(new Error(request.code), { code: request.code }));
}

function forget(mail: number): void {
  mails.get(mail)?.destroy();
  mails.delete(mail);
  for (const [id, lookup] of lookups) {
    if (lookup.mail !== mail) continue;
    lookups.delete(id);
    lookup.reject(Object.assign(new Error('nobody waits any more'), { code: 'ECANCELLED' }));
  }
}
