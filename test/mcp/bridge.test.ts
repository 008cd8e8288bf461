// `postern mcp` as a client starts it: a program that is spoken to over its standard streams, with a real gateway behind it.
import assert from 'node:assert/strict';
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Client } from '@modelcontextprotocol/client';
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio';
import { ADMIN_TOKEN, startGateway, type TestGateway } from '../support/gateway.ts';
import { freePorts } from '../support/ports.ts';

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url));
const VERSIONS = ['2025-11-25', '2026-07-28'] as const;

type Message = {
  id?: number;
  method?: string;
  result?: Record<string, unknown>;
  error?: { message: string };
};

/** The bridge, spoken to line by line. */
class Bridge {
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #lines: AsyncIterator<string>;
  readonly ended: Promise<number>;
  #log = '';

  constructor(url: string, token: string) {
    const env = { PATH: process.env.PATH ?? '', POSTERN_URL: url, POSTERN_TOKEN: token };
    this.#child = spawn(process.execPath, [MAIN, 'mcp'], { env });
    this.#lines = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]();
    this.#child.stderr.on('data', (chunk: Buffer) => {
      this.#log += chunk.toString();
    });
    this.ended = once(this.#child, 'close').then(([code]) => code as number);
  }

  get log(): string {
    return this.#log;
  }

  say(message: object | string): void {
    this.#child.stdin.write(`${typeof message === 'string' ? message : JSON.stringify(message)}\n`);
  }

  async hear(): Promise<Message> {
    const { value, done } = await this.#lines.next();
    assert.ok(!done, `it ended: ${this.#log}`);
    return JSON.parse(value) as Message;
  }

  async ask(id: number, method: string, params?: object): Promise<Message> {
    this.say({ jsonrpc: '2.0', id, method, params });
    for (;;) {
      const heard = await this.hear();
      if (heard.id === id && heard.method === undefined) return heard;
    }
  }

  async open(): Promise<void> {
    const clientInfo = { name: 'test', version: '1' };
    const opened = await this.ask(0, 'initialize', {
      protocolVersion: '2025-11-25',
      capabilities: {},
      clientInfo,
    });
    assert.equal(opened.result?.protocolVersion, '2025-11-25');
    this.say({ jsonrpc: '2.0', method: 'notifications/initialized' });
  }

  async close(): Promise<number> {
    this.#child.stdin.end();
    return this.ended;
  }

  kill(): void {
    this.#child.kill('SIGKILL');
  }
}

describe('postern mcp', () => {
  const bridges: Bridge[] = [];
  let gateway: TestGateway;
  before(async () => {
    const port = String((await freePorts(1))[0]);
    gateway = await startGateway({ flags: ['--mcp-fixtures'], env: { POSTERN_PORT: port } });
  });
  after(async () => {
    for (const bridge of bridges) bridge.kill();
    await gateway?.[Symbol.asyncDispose]();
  });
  const start = (token = ADMIN_TOKEN, url = gateway.url): Bridge => {
    const bridge = new Bridge(url, token);
    bridges.push(bridge);
    return bridge;
  };

  for (const version of VERSIONS) {
    it(`${version}: the official client works through it as over HTTP`, async () => {
      const mode = version === '2026-07-28' ? { pin: version } : 'legacy';
      const client = new Client({ name: 'test', version: '1' }, { versionNegotiation: { mode } });
      const env = { PATH: process.env.PATH ?? '', POSTERN_URL: gateway.url, POSTERN_TOKEN: ADMIN_TOKEN };
      await client.connect(new StdioClientTransport({ command: process.execPath, args: [MAIN, 'mcp'], env }));
      try {
        assert.equal(client.getNegotiatedProtocolVersion(), version);
        const { tools } = await client.listTools();
        assert.ok(tools.some(({ name }) => name === 'search_messages'));
        const found = await client.callTool({ name: 'search_messages', arguments: {} });
        assert.deepEqual(found.structuredContent, { data: [], next_page_token: null });
        const progress: number[] = [];
        await client.callTool(
          { name: 'test_tool_with_progress', arguments: {} },
          { onprogress: (told) => void progress.push(told.progress) },
        );
        assert.deepEqual(progress, [0, 50, 100]);
        const calls = Array.from({ length: 40 }, () =>
          client.callTool({ name: 'test_simple_text', arguments: {} }),
        );
        assert.equal((await Promise.all(calls)).length, 40);
        await assert.rejects(client.callTool({ name: 'nothing', arguments: {} }), /not found/);
        const text = await client.readResource({ uri: 'test://static-text' });
        assert.match(JSON.stringify(text), /static text resource/);
      } finally {
        await client.close();
      }
    });
  }

  it('answers what is no message, and goes on', async () => {
    const bridge = start();
    for (const [line, pattern] of [
      ['{"jsonrpc":', /Parse error/],
      ['[1, 2]', /Invalid Request/],
      ['"text"', /Invalid Request/],
      [`{"x":"${'y'.repeat(9 * 1024 * 1024)}"}`, /too long/],
    ] as const) {
      bridge.say(line);
      assert.match((await bridge.hear()).error?.message ?? '', pattern);
    }
    await bridge.open();
    assert.ok((await bridge.ask(1, 'tools/list')).result);
    assert.equal(await bridge.close(), 0);
  });

  it('says on both streams that its key is none', async () => {
    const bridge = start('nonsense');
    const { error } = await bridge.ask(1, 'initialize', {});
    assert.match(error?.message ?? '', /not known.*\(unauthorized\)/);
    assert.equal(await bridge.close(), 0);
    assert.match(bridge.log, /postern mcp: .*unauthorized/);
    assert.doesNotMatch(bridge.log, /nonsense/);
  });

  it('opens another session when the gateway was started again, and the client need not know', async () => {
    const bridge = start();
    await bridge.open();
    assert.ok((await bridge.ask(1, 'tools/list')).result);
    await gateway.stop();
    const waiting = bridge.ask(2, 'tools/list'); // nobody listens there: it asks again
    await gateway.start();
    assert.ok((await waiting).result);
    assert.ok((await bridge.ask(3, 'tools/list')).result);
    assert.equal(await bridge.close(), 0);
  });

  it('answers also where no gateway is', async () => {
    const bridge = start(ADMIN_TOKEN, `http://127.0.0.1:${(await freePorts(1))[0]}`);
    const { error } = await bridge.ask(1, 'tools/list');
    assert.match(error?.message ?? '', /No gateway answers/);
    assert.equal(await bridge.close(), 0);
  });
});
