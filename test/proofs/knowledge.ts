// Documents on their way to four sinks while Postern is killed again and again: each is fetched, read and placed once, in
// the index no piece is twice, and a knowledge base that knows its keys has each document once. Then, in the full form, what
// attachments of 200 MB do (knowledge/large.ts).
import { createHash } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as pause } from 'node:timers/promises';
import type { DocumentView, SearchAnswer } from '../../src/contracts/knowledge.ts';
import { type Receiver, startReceiver } from '../delivery/receiver.ts';
import { mailWith, textFile } from '../knowledge/mails.ts';
import { DEFAULT_PASSWORD, startDovecot } from '../support/dovecot.ts';
import { prepareGateway, type TestGateway } from '../support/gateway.ts';
import { largeDocuments } from './knowledge/large.ts';
import type { Proof, ProofOptions, Verdict } from './proof.ts';
import { Random } from './random.ts';

interface Size {
  documents: number;
  kills: number;
}

const FULL: Size = { documents: 120, kills: 25 };
const QUICK: Size = { documents: 16, kills: 4 };
const LONGEST_LIFE_MS = 1_500; // from the first work of a life to its kill: each step takes some of it
const LONGEST_PARAGRAPHS = 120; // some fifteen chunks
const AT_ONCE = 4; // requests to each knowledge base: so many may be under way when the blow falls
const END_LIMIT_MS = 10 * 60_000;

export const knowledge: Proof = {
  name: 'knowledge',
  summary:
    'Documents reach the index, a folder and two knowledge bases once, however often Postern is killed; large ones do no harm.',
  run,
};

interface Planned {
  /** A word that stands in this document alone. */
  word: string;
  text: string;
  sha256: string;
}

async function run(options: ProofOptions): Promise<Verdict> {
  const once = await reachEachSinkOnce(options);
  if (options.quick) return once;
  const large = await largeDocuments(options.tell);
  return { holds: once.holds && large.holds, figures: `${once.figures}; ${large.figures}` };
}

async function reachEachSinkOnce({ quick, seed, tell }: ProofOptions): Promise<Verdict> {
  const { documents, kills } = quick ? QUICK : FULL;
  const random = new Random(seed);
  await using dovecot = await startDovecot({ users: { sales: DEFAULT_PASSWORD } });
  await using receiver = await startReceiver();
  await using gateway = await prepareGateway();
  await gateway.rules('rules.yaml', rulesOf(receiver, join(gateway.folder, 'archive')));
  await gateway.start();
  await gateway.addAccount(accountOf(dovecot.imapPort));

  const planned = Array.from({ length: documents }, (_, at) => plan(random, at));
  const mails = planned.flatMap((document, at) =>
    // Every fourth comes again with another mail.
    Array.from({ length: at % 4 === 0 ? 2 : 1 }, (_, copy) => mailOf(document, at, copy)),
  );
  const share = Math.ceil(mails.length / kills);
  for (let kill = 0; kill < kills; kill++) {
    await dovecot.deliverMany('sales', mails.slice(kill * share, (kill + 1) * share));
    await pause(random.between(0, LONGEST_LIFE_MS));
    await gateway.kill();
    await gateway.start();
  }
  tell(`${mails.length} mails with ${documents} documents, ${kills} kills`);
  const found = await gateway.until(async () => {
    const { data } = await gateway.get<{ data: DocumentView[] }>('/v1/knowledge/documents?limit=1000');
    return data.length === mails.length && data.every(isAtItsEnd) && data;
  }, END_LIMIT_MS);
  // Awaited here: else the gateway is gone before it is asked.
  return await verdict({ planned, mails: mails.length, kills }, { found, receiver, gateway });
}

const isAtItsEnd = ({ state, sinks }: DocumentView): boolean =>
  state === 'failed' ||
  (state === 'ready' && sinks.every(({ state: at }) => ['placed', 'refused', 'dead'].includes(at)));

const rulesOf = ({ url }: Receiver, folder: string): string => `
knowledge:
  kb: { http: { url: "${url}/kb", allow_private: true, concurrency: ${AT_ONCE} } }
  pieces: { http: { url: "${url}/pieces", allow_private: true, each: chunk, concurrency: ${AT_ONCE} } }
  archive: { folder: "${folder}" }
rules: [{ name: all mail, then: [{ ingest: { to: [local, kb, pieces, archive] } }] }]
`;

const accountOf = (imapPort: number) => ({
  label: 'sales',
  address: 'sales@company.example',
  imap: { host: '127.0.0.1', port: imapPort, security: 'none' },
  smtp: { host: '127.0.0.1', port: 1, security: 'none' },
  require_tls: false,
  auth: { type: 'basic', username: 'sales', password: DEFAULT_PASSWORD },
  watch: { interval: '1s' },
});

function plan(random: Random, at: number): Planned {
  const word = `document${at}x${random.between(0, 1e6)}`;
  const paragraphs = Array.from(
    { length: random.between(0, LONGEST_PARAGRAPHS) },
    (_, number) => `Paragraph ${number} of ${at}: ${'some words and '.repeat(10)}more.`,
  );
  const text = [`The first line has ${word}.`, ...paragraphs].join('\n\n');
  return { word, text, sha256: createHash('sha256').update(text).digest('hex') };
}

const mailOf = ({ text }: Planned, at: number, copy: number): string =>
  mailWith(`${at}-${copy}`, [textFile(`file-${at}-${copy}.txt`, text)], { subject: `Mail ${at} ${copy}` });

interface Evidence {
  found: readonly DocumentView[];
  receiver: Receiver;
  gateway: TestGateway;
}

async function verdict(
  { planned, mails, kills }: { planned: readonly Planned[]; mails: number; kills: number },
  { found, receiver, gateway }: Evidence,
): Promise<Verdict> {
  const chunks = new Map(found.map(({ content }) => [content?.sha256 ?? '', content?.chunks ?? 0]));
  const wanted = planned.flatMap(({ sha256 }) => [
    `${sha256}-kb`,
    ...Array.from({ length: chunks.get(sha256) ?? 0 }, (_, number) => `${sha256}-pieces-${number}`),
  ]);
  const bodies = new Map<string, Set<string>>();
  for (const { headers, body } of receiver.posted) {
    const key = String(headers['idempotency-key']);
    bodies.set(key, (bodies.get(key) ?? new Set()).add(body.toString('utf8')));
  }
  const missing = wanted.filter((key) => !bodies.has(key)).length;
  const unknown = [...bodies.keys()].filter((key) => !wanted.includes(key)).length;
  const different = [...bodies.values()].filter((versions) => versions.size > 1).length;
  const again = receiver.posted.length - bodies.size;

  let unfound = 0;
  for (const { word, sha256 } of planned) {
    const { data } = await gateway.get<SearchAnswer>(`/v1/knowledge?query=${word}`);
    if (data.length !== 1 || data[0]?.sha256 !== sha256) unfound++;
  }
  const archived = (await readdir(join(gateway.folder, 'archive'), { recursive: true })).filter((name) =>
    name.endsWith('.txt'),
  ).length;
  await gateway.stop();
  const { contents, objects, pieces, indexed } = countsOf(join(gateway.folder, 'data', 'ledger.sqlite'));
  const isEverywhere = found.every(
    ({ state, sinks }) => state === 'ready' && sinks.every((sink) => sink.state === 'placed'),
  );
  return {
    holds:
      isEverywhere &&
      missing + unknown + different + unfound === 0 &&
      again <= kills * AT_ONCE * 2 && // what was under way when a blow fell
      contents === planned.length &&
      objects === planned.length &&
      archived === planned.length &&
      indexed === pieces,
    figures:
      `knowledge: mails ${mails}, documents ${planned.length}, kills ${kills}, contents ${contents}, objects ${objects}, ` +
      `archived ${archived}, pieces ${pieces}, in the index ${indexed}, not found ${unfound}, ` +
      `requests ${receiver.posted.length}, keys missing ${missing}, unknown ${unknown}, with two bodies ${different}, came again ${again}`,
  };
}

function countsOf(path: string) {
  const database = new DatabaseSync(path, { readOnly: true });
  const count = (table: string): number =>
    Number(database.prepare(`select count(*) as count from ${table}`).get()?.count);
  const counts = {
    contents: count('knowledge_contents'),
    objects: count('objects'),
    pieces: count('knowledge_chunks'),
    indexed: count('knowledge_index_docsize'),
  };
  database.close();
  return counts;
}
