// Attachments of 200 MB and of 90 MB in watched mailboxes: what is too large is said to be so and leaves nothing behind, what
// is taken is found, other mail goes on beside it, and the gateway's memory does not grow with the size.
import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { DocumentView, SearchAnswer } from '../../../src/contracts/knowledge.ts';
import { mailWith, textFile } from '../../knowledge/mails.ts';
import { DEFAULT_PASSWORD, type Dovecot, startDovecot } from '../../support/dovecot.ts';
import { prepareGateway, type TestGateway } from '../../support/gateway.ts';
import type { ProofOptions, Verdict } from '../proof.ts';
import { residentMb } from '../soak/memory.ts';
import { appendLarge, MB } from './large-mail.ts';

const TOO_LARGE_MB = 200;
const TAKEN_MB = 90;
const LONGEST_TEXT_MB = 12; // a little more than the text that is read of any document, so that it costs what text can cost
const GROWTH_LIMIT_MB = 128;
const TEXT_LIMIT_MB = 192; // V8's heap grows with the work of 5,000 pieces, and falls later
const LEFT_LIMIT_BYTES = MB; // the few short documents
const SETTLE_MS = 3_000; // files and pages go a moment after the row says so
const LIMIT_MS = 5 * 60_000;

/** Two accounts: one whose rule says nothing of sizes, and one whose rule takes the largest. */
const RULES = (folder: string): string => `
knowledge: { archive: { folder: "${folder}" } }
rules:
  - { name: by itself, account: sales, then: [ingest] }
  - { name: the largest, account: plans, then: [{ ingest: { to: [local, archive], max_size: 256MB } }] }
`;

export async function largeDocuments(tell: ProofOptions['tell']): Promise<Verdict> {
  const users = { sales: DEFAULT_PASSWORD, plans: DEFAULT_PASSWORD };
  await using dovecot = await startDovecot({ users });
  await using gateway = await prepareGateway();
  await gateway.rules('rules.yaml', RULES(join(gateway.folder, 'archive')));
  await gateway.start();
  for (const user of Object.keys(users)) await gateway.addAccount(accountOf(user, dovecot.imapPort));
  const house = new House(gateway, dovecot);

  // What a first document makes the gateway load, and what as much text as is read of any costs, is not the size's doing.
  await house.short('sales', 'first.txt', 'firstword');
  const text = await house.grown(async () => {
    const longest = { filename: 'longest.txt', bytes: LONGEST_TEXT_MB * MB, word: 'longestword' };
    await appendLarge(dovecot.imapPort, 'sales', 'The longest text', longest);
    return house.atItsEnd('longest.txt');
  });
  await house.remove(text.result);
  tell(`${LONGEST_TEXT_MB} MB: ${said(text.result)}`);
  await pause(SETTLE_MS);

  // 200 MB where the rule says nothing of sizes: refused by what the server tells of it, and never fetched.
  const refused = await house.grown(async () => {
    await appendLarge(dovecot.imapPort, 'sales', 'Too large', {
      filename: 'refused.txt',
      bytes: TOO_LARGE_MB * MB,
      word: 'refusedword',
      beside: { filename: 'beside.txt', text: 'The note has besideword.' },
    });
    await house.atItsEnd('beside.txt');
    return house.atItsEnd('refused.txt');
  });
  const besideIsFound = await house.finds('besideword');
  const leftByRefused = await house.bytesOnDisk();
  tell(`${TOO_LARGE_MB} MB by the usual rule: ${said(refused.result)}`);

  // 200 MB that is fetched and kept, and too large to be read; a short document of other mail is found meanwhile.
  const kept = await house.grown(async () => {
    await appendLarge(dovecot.imapPort, 'plans', 'Kept', {
      filename: 'kept.txt',
      bytes: TOO_LARGE_MB * MB,
      word: 'keptword',
    });
    await house.known('kept.txt');
    await house.short('sales', 'meanwhile.txt', 'meanwhileword');
    const isUnderWay = !isAtItsEnd(await house.known('kept.txt'));
    const document = await house.atItsEnd('kept.txt');
    return { document, foundMeanwhile: isUnderWay && (await house.finds('meanwhileword')) };
  });
  const archived = await house.archived();
  const held = await house.bytesOnDisk(); // its object, and no working copy
  await house.remove(kept.result.document);
  const leftByKept = await house.bytesOnDisk();
  tell(`${TOO_LARGE_MB} MB with max_size 256MB: ${said(kept.result.document)}`);

  // 90 MB is taken.
  const taken = await house.grown(async () => {
    await appendLarge(dovecot.imapPort, 'sales', 'Taken', {
      filename: 'taken.txt',
      bytes: TAKEN_MB * MB,
      word: 'takenword',
    });
    return house.atItsEnd('taken.txt');
  });
  const takenIsFound = await house.finds('takenword');
  await house.remove(taken.result);
  const leftByTaken = await house.bytesOnDisk();
  tell(`${TAKEN_MB} MB: ${said(taken.result)}`);

  const growths = [refused.growthMb, kept.growthMb, taken.growthMb];
  const mostMb = Math.max(...[text, refused, kept, taken].map(({ peakMb }) => peakMb));
  const left = [leftByRefused, leftByKept, leftByTaken];
  return {
    holds:
      isRefused(refused.result, /has \d+ octets; 104857600 are taken/) &&
      isRefused(kept.result.document, /has \d+ bytes; at most 104857600 are read/) &&
      taken.result.state === 'ready' &&
      besideIsFound &&
      kept.result.foundMeanwhile &&
      takenIsFound &&
      archived === TOO_LARGE_MB * MB &&
      Math.abs(held - archived) < LEFT_LIMIT_BYTES &&
      growths.every((growth) => growth < GROWTH_LIMIT_MB) &&
      text.growthMb < TEXT_LIMIT_MB &&
      left.every((bytes) => bytes < LEFT_LIMIT_BYTES),
    figures:
      `${TOO_LARGE_MB} MB refused: ${refused.result.code}, memory +${refused.growthMb} MB, beside it found ${besideIsFound}, ` +
      `left ${leftByRefused} B; ${TOO_LARGE_MB} MB kept and not read: ${kept.result.document.code}, memory +${kept.growthMb} MB, ` +
      `other mail found meanwhile ${kept.result.foundMeanwhile}, archived ${archived} B, held ${held} B, left ${leftByKept} B when deleted; ` +
      `${TAKEN_MB} MB: ${taken.result.state}, found ${takenIsFound}, memory +${taken.growthMb} MB, left ${leftByTaken} B when deleted; ` +
      `the longest text: memory +${text.growthMb} MB, at most ${mostMb} MB in all`,
  };
}

const isAtItsEnd = ({ state, sinks }: DocumentView): boolean =>
  state === 'failed'
    ? sinks.every(({ sink, state: at }) => sink === 'local' || at === 'placed')
    : state === 'ready' && sinks.every(({ state: at }) => at === 'placed');

const isRefused = ({ state, code, error }: DocumentView, sentence: RegExp): boolean =>
  state === 'failed' && code === 'document_too_large' && sentence.test(error ?? '');

const said = ({ state, code, error }: DocumentView): string =>
  code === null ? state : `${state}, ${code}: ${error}`;

const accountOf = (user: string, imapPort: number) => ({
  label: user,
  address: `${user}@company.example`,
  imap: { host: '127.0.0.1', port: imapPort, security: 'none' },
  smtp: { host: '127.0.0.1', port: 1, security: 'none' },
  require_tls: false,
  auth: { type: 'basic', username: user, password: DEFAULT_PASSWORD },
  watch: { interval: '1s' },
});

class House {
  readonly #gateway: TestGateway;
  readonly #dovecot: Dovecot;

  constructor(gateway: TestGateway, dovecot: Dovecot) {
    this.#gateway = gateway;
    this.#dovecot = dovecot;
  }

  /** A short document, waited for until it is in the index. */
  async short(user: string, filename: string, word: string): Promise<void> {
    const file = textFile(filename, `The line has ${word}.`);
    await this.#dovecot.deliver(user, mailWith(filename, [file], { subject: filename }));
    await this.atItsEnd(filename);
  }

  async atItsEnd(filename: string): Promise<DocumentView> {
    return this.#until(filename, isAtItsEnd);
  }

  known(filename: string): Promise<DocumentView> {
    return this.#until(filename, () => true);
  }

  #until(filename: string, holds: (document: DocumentView) => boolean): Promise<DocumentView> {
    return this.#gateway.until(async () => {
      const { data } = await this.#gateway.get<{ data: DocumentView[] }>('/v1/knowledge/documents?limit=100');
      return data.find((document) => document.filename === filename && holds(document));
    }, LIMIT_MS);
  }

  async finds(word: string): Promise<boolean> {
    const { data } = await this.#gateway.get<SearchAnswer>(`/v1/knowledge?query=${word}`);
    return data.length === 1;
  }

  async remove({ id }: DocumentView): Promise<void> {
    const { status } = await this.#gateway.request('DELETE', `/v1/knowledge/documents/${id}`);
    if (status >= 300) throw new Error(`DELETE answered ${status}`);
  }

  /** By how much the most memory that the gateway took on the way is above what it took before. */
  async grown<T>(work: () => Promise<T>): Promise<{ result: T; growthMb: number; peakMb: number }> {
    const { pid } = this.#gateway;
    const before = (await residentMb(pid)) ?? Number.NaN;
    await writeFile(`/proc/${pid}/clear_refs`, '5'); // proc(5): resets the peak to what is taken now
    const result = await work();
    const status = await readFile(`/proc/${pid}/status`, 'utf8');
    const peakKb = Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1]);
    const peakMb = peakKb / 1024;
    return { result, growthMb: Math.round(peakMb - before), peakMb: Math.round(peakMb) };
  }

  /** Octets of stored objects and of working copies. */
  async bytesOnDisk(): Promise<number> {
    await pause(SETTLE_MS);
    const data = join(this.#gateway.folder, 'data');
    return (await sizeOf(join(data, 'objects'))) + (await sizeOf(join(data, 'work')));
  }

  archived(): Promise<number> {
    return sizeOf(join(this.#gateway.folder, 'archive'), '.txt');
  }
}

async function sizeOf(folder: string, ending = ''): Promise<number> {
  const names = await readdir(folder, { recursive: true }).catch(() => []);
  let sum = 0;
  for (const name of names.filter((one) => one.endsWith(ending))) {
    const found = await stat(join(folder, name)).catch(() => null);
    if (found?.isFile()) sum += found.size;
  }
  return sum;
}
