// What two verifiers that we did not write say of the DKIM signatures of mails: dkimpy, and mailauth.
import { spawn } from 'node:child_process';
import { createReadStream } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { dkimVerify } from 'mailauth/lib/dkim/verify.js';
import { DnsRecords } from '../../src/network/dns-records.ts';
import type { TestDns } from './dns-server.ts';

const PYTHON = '/usr/bin/python3'; // Debian's own: python3-dkim is not there for any other
const VERIFIER = fileURLToPath(new URL('./verify-mail.py', import.meta.url));

/** Of each signature of a mail, the topmost first: its selector, and whether it holds, or why not. */
export type Verdicts = [selector: string, verdict: boolean | string][];

export interface Verified {
  dkimpy: Verdicts;
  mailauth: Verdicts;
}

/** In order; all at once, for dkimpy takes a moment to start. */
export async function verifyMails(mails: readonly Buffer[], dns: TestDns): Promise<Verified[]> {
  const folder = await mkdtemp(join(tmpdir(), 'postern-verify-'));
  try {
    const files = mails.map((_, index) => join(folder, `${index}.eml`));
    for (const [index, mail] of mails.entries()) await writeFile(files[index] as string, mail);
    const child = spawn(PYTHON, [VERIFIER], { stdio: ['pipe', 'pipe', 'inherit'] });
    const ended = new Promise<number | null>((resolve, reject) => {
      child.on('close', resolve).on('error', reject);
    });
    child.stdin.end(JSON.stringify({ dns: dns.address, mails: files }));
    const output = await text(child.stdout);
    const code = await ended;
    if (code !== 0) throw new Error(`dkimpy ended with ${code}`);
    const dkimpy = JSON.parse(output) as Verdicts[];
    const records = new DnsRecords({ clock: { now: () => Date.now() }, servers: [dns.address] });
    const verified: Verified[] = [];
    for (const [index, file] of files.entries()) {
      const resolver = (name: string, type: string) => records.ask(name, type);
      const { results } = await dkimVerify(createReadStream(file), { resolver, strict: true });
      verified.push({
        dkimpy: dkimpy[index] ?? [],
        mailauth: results
          .filter(({ selector }) => selector)
          .map(({ selector, status }) => [
            String(selector),
            status.result === 'pass' ? true : `${status.result}: ${status.comment}`,
          ]),
      });
    }
    return verified;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
