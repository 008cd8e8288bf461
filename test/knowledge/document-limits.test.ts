// Each document is read in a process of its own, which ends at its limits of time and memory, at an abort and at the stop
// of the gateway; the gateway itself hardly notices.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, open, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { deflateRawSync } from 'node:zlib';
import type { Extracted, ExtractLimits } from '../../src/knowledge/extract/contract.ts';
import { confinement, DocumentExtractor, defaultExtractLimits } from '../../src/knowledge/extract/extract.ts';
import { xlsx } from '../support/documents/office.ts';
import { pdf, pdfBomb, pdfLines, pdfOf, pdfStream } from '../support/documents/pdf.ts';
import { zip } from '../support/documents/zip-writer.ts';

const MEGABYTE = 1024 * 1024;
const GATEWAY_MAY_GROW_BYTES = 64 * MEGABYTE;
const GATEWAY_MAY_WORK_MS = 1500; // to write the file, and to take five thousand chunks

const GONE_LIMIT_MS = 30_000; // a cold process on a busy machine

const extractor = new DocumentExtractor();
const never = new AbortController().signal;
let folder: string;
let files = 0;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'postern-documents-'));
});
after(async () => {
  extractor.stop();
  await rm(folder, { recursive: true });
});

interface Hints {
  name?: string;
  limits?: Partial<ExtractLimits>;
  signal?: AbortSignal;
}

async function extract(document: Buffer | string, { name, limits, signal }: Hints = {}): Promise<Extracted> {
  const path = typeof document === 'string' ? document : join(folder, `${files++}`);
  if (typeof document !== 'string') await writeFile(path, document);
  const input = { path, filename: name ?? null, declaredType: null };
  return extractor.extract(input, { ...defaultExtractLimits, ...limits }, signal ?? never);
}

const refused = (code: string, message?: RegExp) => ({
  code,
  retry: 'never',
  ...(message ? { message } : {}),
});
const chars = ({ chunks }: Extracted): number => chunks.reduce((sum, { text }) => sum + text.length, 0);
const textOf = ({ chunks }: Extracted): string => chunks.map(({ text }) => text).join('\n');

/** `size` bytes that deflate to about a two-hundredth: dense, but no denser than is let through. */
function dense(size: number): Buffer {
  const bytes = Buffer.alloc(size);
  for (let at = 0; at < size; at += 200_000) randomBytes(600).copy(bytes, at);
  return bytes;
}

describe('a document that costs more than it may', () => {
  test('by what it unpacks in all is refused', async () => {
    const data = deflateRawSync(dense(60 * MEGABYTE));
    const member = { data, deflated: true, claimedSize: 60 * MEGABYTE };
    const members = Array.from({ length: 10 }, (_, i) => ({ ...member, name: `${i}.bin` }));
    await assert.rejects(extract(zip(members)), refused('archive_too_large', /512 MB/));
  });

  test('by a page of a PDF that unpacks to 300 MB is ended', async () => {
    await assert.rejects(extract(pdfBomb(300 * MEGABYTE)), refused('document_too_complex', /512 MB/));
  });

  test('by 200,000 objects in a PDF is read', async () => {
    const more = Array.from({ length: 200_000 }, (_, i) => `<< /Next ${i + 7} 0 R >>`);
    const found = await extract(
      pdfOf([
        '<< /Type /Catalog /Pages 2 0 R /Names 6 0 R >>',
        '<< /Type /Pages /Kids [3 0 R] /Count 1 >>',
        '<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Resources << /Font << /F1 5 0 R >> >> /Contents 4 0 R >>',
        pdfStream(pdfLines(['The page'])),
        '<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>',
        ...more,
      ]),
    );
    assert.equal(textOf(found), 'The page');
  });

  test('by a million empty rows is read to its end', async () => {
    const rows = Array.from({ length: 1_000_000 }, (_, i) => `<row r="${i + 1}"/>`);
    rows.push('<row r="1000001"><c t="str"><v>the last</v></c></row>');
    const found = await extract(xlsx({ sheets: [{ name: 'A', rows: rows.join('') }] }));
    assert.deepEqual(found.chunks, [{ text: 'the last', source: { sheet: 'A', row: 1_000_001 } }]);
  });

  test('by a line of 50 MB is cut, and the gateway hardly works for it', async () => {
    const before = process.cpuUsage();
    const found = await extract(Buffer.alloc(50 * MEGABYTE, 'x,y;'), { name: 'a.csv' });
    const spentMs = Math.round(process.cpuUsage(before).user / 1000);
    assert.equal(found.type, 'text/csv');
    assert.ok(chars(found) <= defaultExtractLimits.textChars);
    assert.match(found.notes.join(' '), /were cut/);
    assert.ok(found.chunks.every(({ text }) => text.length <= defaultExtractLimits.chunkChars));
    assert.ok(spentMs < GATEWAY_MAY_WORK_MS, `the gateway worked ${spentMs} ms`);
  });

  test('by its 200 MB is refused unopened, and the gateway does not grow', async () => {
    const path = join(folder, 'large');
    const file = await open(path, 'w');
    await file.truncate(200 * MEGABYTE);
    await file.close();
    const before = process.memoryUsage.rss();
    await assert.rejects(extract(path), refused('document_too_large', /209715200 bytes/));
    assert.ok(process.memoryUsage.rss() - before < GATEWAY_MAY_GROW_BYTES);
  });
});

describe('the process', () => {
  const attempts: [what: string, script: string][] = [
    ['write a file', "require('node:fs').writeFileSync('FOLDER/written', 'x')"],
    ['read a file that is not of the program', "require('node:fs').readFileSync('/etc/hostname')"],
    ['start a program', "require('node:child_process').spawnSync('true').error?.code ?? ''"],
    ['make code of text', "new Function('return 1')()"],
  ];
  for (const [what, script] of attempts) {
    test(`may not ${what}`, () => {
      const code = `try { ${script.replace('FOLDER', folder)}; console.log('done') } catch (error) { console.log(error.code ?? error.name) }`;
      const { stdout } = spawnSync(process.execPath, [...confinement(), '-e', code], { env: {} });
      assert.match(stdout.toString(), /^(?:ERR_ACCESS_DENIED|EvalError)\n$/);
    });
  }
});

describe('the limits', () => {
  const book = pdf(
    Array.from({ length: 400 }, (_, i) => Array.from({ length: 40 }, (_, k) => `Line ${i} ${k}`)),
  );

  test('of time end the process', async () => {
    await assert.rejects(extract(book, { limits: { timeMs: 50 } }), refused('document_timeout', /50 ms/));
    await until(() => extractor.pids.length === 0);
  });

  test('of memory end the process, whether it is the heap or what lies outside of it', async () => {
    const outside = zip([{ name: 'a.bin', data: dense(60 * MEGABYTE) }]);
    await assert.rejects(
      extract(outside, { limits: { memoryMb: 48 } }),
      refused('document_too_complex', /48 MB/),
    );
    const strings = Array.from({ length: 600_000 }, (_, i) => `<si><t>${i}</t></si>`).join('');
    const heap = xlsx({ sheets: [{ name: 'A', rows: '<row/>' }], sst: strings });
    await assert.rejects(
      extract(heap, { limits: { memoryMb: 32 } }),
      refused('document_too_complex', /32 MB/),
    );
  });

  test('an abort ends the process and gives its reason', async () => {
    const reason = new Error('no longer wanted');
    const abort = new AbortController();
    const reading = extract(book, { signal: abort.signal });
    await untilOneRuns();
    const pids = extractor.pids;
    abort.abort(reason);
    await assert.rejects(reading, reason);
    await untilGone(pids);
  });

  test('documents wait for their turn, and one that is given up while it waits makes room', async () => {
    const abort = new AbortController();
    const first = [extract(book), extract(book), extract(Buffer.from('third'))];
    const waiting = extract(Buffer.from('fourth'), { signal: abort.signal });
    await untilOneRuns();
    abort.abort(new Error('given up'));
    await assert.rejects(waiting, /given up/);
    assert.ok(extractor.pids.length <= 2);
    assert.equal((await Promise.all(first)).map(textOf).at(-1), 'third');
  });

  test('a stopped extractor ends its processes and says that it stops', async () => {
    const other = new DocumentExtractor();
    const path = join(folder, 'book');
    await writeFile(path, book);
    const reading = other.extract({ path, filename: null, declaredType: null }, defaultExtractLimits, never);
    const failed = assert.rejects(reading, { code: 'stopping', retry: 'later' });
    await until(() => other.pids.length > 0);
    const pids = other.pids;
    other.stop();
    await failed;
    await untilGone(pids);
  });

  test('end with the gateway: nobody reads on for one that was killed, whenever that was', async () => {
    const path = join(folder, 'orphan');
    await writeFile(path, book);
    const program = join(import.meta.dirname, '../support/documents/reading-process.ts');
    for (const afterMs of [0, 100, 400]) {
      const gateway = spawn(process.execPath, [program, path], { stdio: ['ignore', 'pipe', 'inherit'] });
      const [line] = (await once(gateway.stdout, 'data')) as [Buffer];
      const reader = Number(line.toString());
      assert.ok(reader > 0);
      await setTimeout(afterMs); // from the first moment of the process to the midst of its reading
      gateway.kill('SIGKILL');
      await untilGone([reader]);
    }
  });

  async function untilOneRuns(): Promise<void> {
    await until(() => extractor.pids.length > 0);
  }

  /** A process that was killed is gone once the system has taken its end in. */
  async function untilGone(pids: readonly number[]): Promise<void> {
    const isThere = (pid: number): boolean => {
      try {
        return process.kill(pid, 0);
      } catch {
        return false;
      }
    };
    await until(() => !pids.some(isThere));
  }
});

/** No event tells of it, so it is looked at again and again. */
async function until(isSo: () => boolean): Promise<void> {
  const deadline = performance.now() + GONE_LIMIT_MS;
  while (!isSo()) {
    assert.ok(performance.now() < deadline, 'it never came to that');
    await setTimeout(5);
  }
}
