// Documents through the real process: each kind that people attach is found by its words over REST and at the command line,
// and reaches a knowledge base, also when Postern is killed while it does.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { text as textOf } from 'node:stream/consumers';
import { after, before, describe, it } from 'node:test';
import { runCli } from '../../src/api/cli/cli.ts';
import type { DocumentView, SearchAnswer } from '../../src/contracts/knowledge.ts';
import { mail } from '../delivery/mails.ts';
import { type Receiver, startReceiver } from '../delivery/receiver.ts';
import { type File, mailWith, textFile } from '../knowledge/mails.ts';
import { mail as emlOf } from '../support/documents/mail.ts';
import { docx, pptx, slideText, wordText, xlsx } from '../support/documents/office.ts';
import { openDocument } from '../support/documents/open-document.ts';
import { pdf } from '../support/documents/pdf.ts';
import { DEFAULT_PASSWORD, type Dovecot, startDovecot } from '../support/dovecot.ts';
import { ADMIN_TOKEN, prepareGateway, type TestGateway } from '../support/gateway.ts';
import { watchedAccount } from '../support/sales-account.ts';
import { requireService } from '../support/services.ts';

const TOKEN = 'Bearer canary-knowledge-token';

/** Looks up what the mail asks for, and ends with the name of the document, or with the status of a refusal. */
const AGENT = `
let text = '';
for await (const piece of process.stdin) text += piece;
const { message } = JSON.parse(text).data;
const query = encodeURIComponent(message.text.trim());
const response = await fetch(process.env.POSTERN_API + '/knowledge?query=' + query, {
  headers: { authorization: 'Bearer ' + process.env.POSTERN_TOKEN },
});
const { data } = await response.json();
const summary = response.ok ? data[0].filename : String(response.status);
console.log(JSON.stringify({ actions: [{ type: 'done', summary }] }));
`;

const FILES: readonly (File & { query: string })[] = [
  {
    name: 'offer.docx',
    type: 'application/msword',
    bytes: docx(wordText('Angebot über eine Wärmepumpe')),
    query: 'Waermepumpe',
  },
  {
    name: 'prices.xlsx',
    type: 'application/octet-stream',
    bytes: xlsx({
      sheets: [
        { name: 'Preise', rows: '<row r="1"><c r="A1" t="inlineStr"><is><t>Kugellager</t></is></c></row>' },
      ],
    }),
    query: 'Kugellager',
  },
  {
    name: 'letter.odt',
    type: 'application/octet-stream',
    bytes: openDocument('text', '<text:p>Schöne Grüße aus Chur</text:p>'),
    query: 'Chur',
  },
  {
    name: 'talk.pptx',
    type: 'application/octet-stream',
    bytes: pptx([{ shapes: slideText('Quarterly roadmap') }]),
    query: 'roadmap',
  },
  {
    name: 'contract.pdf',
    type: 'application/pdf',
    bytes: pdf([['Terms of the lease'], ['Signed in Geneva']]),
    query: 'Geneva',
  },
  {
    name: 'list.csv',
    type: 'text/csv',
    bytes: Buffer.from('Artikel;Menge\nDichtung;12\n'),
    query: 'Dichtung',
  },
  {
    name: 'forwarded.eml',
    type: 'message/rfc822',
    bytes: emlOf('Zollpapiere', 'Die Ausfuhrerklärung liegt bei.'),
    query: 'Ausfuhrerklärung',
  },
];

describe('documents', { skip: requireService('dovecot') }, () => {
  let dovecot: Dovecot;
  let receiver: Receiver;
  let gateway: TestGateway;

  before(async () => {
    dovecot = await startDovecot({ users: { sales: DEFAULT_PASSWORD } });
    receiver = await startReceiver();
    const rules = `
knowledge:
  kb:
    http:
      url: ${receiver.url}/in
      headers: { Authorization: "env:KB_TOKEN" }
      allow_private: true
agents:
  librarian: { run: { command: [node, "THE_AGENT"] }, may: { reply: never, tools: [search_knowledge] } }
  stranger: { run: { command: [node, "THE_AGENT"] }, may: { reply: never } }
rules:
  - { name: documents, when: { attachment: true }, then: [{ ingest: { to: [local, kb] } }] }
  - { name: questions, when: { subject: "Question*" }, then: [spawn: librarian, spawn: stranger] }
`;
    gateway = await prepareGateway({
      env: { KB_TOKEN: TOKEN, POSTERN_LOG: 'debug' },
    });
    const agent = join(gateway.folder, 'agent.mjs');
    await writeFile(agent, AGENT);
    await gateway.rules('rules.yaml', rules.replaceAll('THE_AGENT', agent));
    await gateway.start();
    await gateway.addAccount(watchedAccount(dovecot));
  });
  after(async () => {
    await gateway?.[Symbol.asyncDispose]();
    await receiver?.[Symbol.asyncDispose]();
    await dovecot?.stop();
  });

  const documents = async (query = ''): Promise<DocumentView[]> =>
    (await gateway.get<{ data: DocumentView[] }>(`/v1/knowledge/documents?limit=100${query}`)).data;
  const isPlaced = ({ sinks }: DocumentView): boolean => sinks.every(({ state }) => state === 'placed');
  const search = (query: string): Promise<SearchAnswer> =>
    gateway.get<SearchAnswer>(`/v1/knowledge?query=${encodeURIComponent(query)}`);
  async function postern(...argv: string[]): Promise<{ code: number; out: string; err: string }> {
    const [stdin, stdout, stderr] = [new PassThrough(), new PassThrough(), new PassThrough()];
    stdin.end();
    const settings = { url: gateway.url, adminToken: ADMIN_TOKEN, tokenFile: '', rulesDir: '' };
    const said = Promise.all([textOf(stdout), textOf(stderr)]);
    const code = await runCli(argv, { stdin, stdout, stderr, settings });
    stdout.end();
    stderr.end();
    const [out, err] = await said;
    return { code, out, err };
  }
  const sha256 = (bytes: Buffer | string): string => createHash('sha256').update(bytes).digest('hex');

  it('of every kind are found by their words, and reach the knowledge base once', async () => {
    await dovecot.deliver('sales', mailWith('kinds', FILES));
    const found = await gateway.until(async () => {
      const list = await documents();
      return list.length === FILES.length && list.every(isPlaced) && list;
    }, 90_000);
    for (const { name, query, bytes } of FILES) {
      const { data, matched } = await search(query);
      assert.deepEqual([data.map(({ filename }) => filename), matched], [[name], 'all'], query);
      assert.equal(found.find(({ filename }) => filename === name)?.content?.sha256, sha256(bytes));
    }
    const [page] = (await search('Geneva')).data;
    assert.equal(page?.source.page, 2);
    const keys = receiver.posted.map(({ headers }) => headers['idempotency-key']).sort();
    assert.deepEqual(keys, FILES.map(({ bytes }) => `${sha256(bytes)}-kb`).sort());
    const text = await gateway.get<{ chunks: number; data: { text: string }[] }>(
      `/v1/knowledge/documents/${page?.documents[0]?.id}/text?from=1`,
    );
    assert.deepEqual([text.chunks, text.data.map((chunk) => chunk.text)], [2, ['Signed in Geneva']]);
  });

  it('reach it under the same key after a kill in the middle, and are in the index once', async () => {
    const before = receiver.posted.length;
    receiver.answers(() => undefined);
    await dovecot.deliver('sales', mailWith('killed', [textFile('killed.txt', 'The killed walrus')]));
    const first = await receiver.request(before + 1);
    await gateway.kill();
    receiver.answers(200);
    await gateway.start();
    const second = await receiver.request(before + 2);
    assert.equal(second.headers['idempotency-key'], first.headers['idempotency-key']);
    assert.deepEqual(second.body, first.body);
    await gateway.until(async () => (await documents()).every(isPlaced));
    assert.equal(receiver.posted.length, before + 2);
    assert.equal((await search('walrus')).data.length, 1);
    const { rows } = (
      await gateway.request<{ rows: unknown[][] }>('POST', '/v1/sql', {
        // The kill may come upon the local index too.
        query: "select state, attempts from document_sinks where sink = 'kb' and attempts > 1",
      })
    ).body;
    assert.deepEqual(rows, [['placed', 2]]);
  });

  it('are found by an agent whose policy names the tool, and by no other', async () => {
    await dovecot.deliver('sales', mail('question', 'Question', 'Wärmepumpe'));
    const sessions = await gateway.until(async () => {
      const list = await gateway.sessions();
      return list.length === 2 && list.every(({ state }) => ['done', 'failed'].includes(state)) && list;
    });
    const summaries = Object.fromEntries(sessions.map(({ agent, summary }) => [agent, summary]));
    assert.deepEqual(summaries, { librarian: 'offer.docx', stranger: '403' });
  });

  it('are found and shown at the command line', async () => {
    const hits = await postern('knowledge', 'search', 'wärmepumpe');
    assert.equal(hits.code, 0, hits.err);
    assert.match(hits.out, /offer\.docx .*Angebot über eine Wärmepumpe/);
    const list = await postern('knowledge', 'list', '--state', 'ready', '--json');
    const [first] = (JSON.parse(list.out) as { data: DocumentView[] }).data;
    assert.equal(first?.filename, 'killed.txt');
    const text = await postern('knowledge', 'text', first?.id ?? '');
    assert.match(text.out, /The killed walrus/);
    const retried = await postern('knowledge', 'retry', first?.id ?? '');
    assert.notEqual(retried.code, 0);
    assert.match(retried.err, /Nothing of the document doc_\w+ has failed/);
    assert.equal((await postern('knowledge', 'delete', first?.id ?? '')).code, 0);
    assert.equal((await search('walrus')).matched, 'none');
  });

  it('leave neither secrets nor working copies behind', async () => {
    const work = await readdir(join(gateway.folder, 'data', 'work'), { recursive: true }).catch(() => []);
    assert.deepEqual(
      work.filter((name) => name.startsWith('documents/')),
      [],
    );
    await gateway.stop();
    const names = await readdir(join(gateway.folder, 'data'), { recursive: true, withFileTypes: true });
    for (const entry of names.filter((name) => name.isFile())) {
      const bytes = await readFile(join(entry.parentPath, entry.name));
      assert.ok(!bytes.includes('canary-knowledge'), entry.name);
    }
    assert.ok(!gateway.log().includes('canary-knowledge'));
    assert.ok(!gateway.log().includes(ADMIN_TOKEN));
  });
});
