// docs/mcp.md: its command and its configurations work as they stand there, and its bounds are those of the code.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { after, before, describe, it } from 'node:test';
import { promisify } from 'node:util';
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio';
import { ADMIN_TOKEN, startGateway, type TestGateway } from '../support/gateway.ts';
import { blocksOf, commandsOf, PROJECT, wordsOf } from './blocks.ts';

const PAGE = 'docs/mcp.md';
const THERE = 'http://127.0.0.1:3025';

interface Configuration {
  mcpServers: {
    postern: {
      url: string;
      headers: Record<string, string>;
      command: string;
      args: string[];
      env: Record<string, string>;
    };
  };
}

describe('docs/mcp.md', () => {
  let gateway: TestGateway;
  before(async () => {
    gateway = await startGateway();
  });
  after(() => gateway?.[Symbol.asyncDispose]());

  const configurations = blocksOf(PAGE)
    .filter(({ language }) => language === 'json')
    .map(({ text }) => (JSON.parse(text) as Configuration).mcpServers.postern);
  const worksWith = async (client: Client): Promise<void> => {
    const { tools } = await client.listTools();
    assert.ok(tools.some(({ name }) => name === 'list_threads'));
    await client.close();
  };

  it('a client that takes a URL connects as it says', async () => {
    const [http] = configurations;
    const headers = {
      Authorization: http?.headers.Authorization?.replace(/\$\{POSTERN_TOKEN\}/, ADMIN_TOKEN) ?? '',
    };
    const client = new Client({ name: 'test', version: '1' });
    const url = new URL(http?.url.replace(THERE, gateway.url) ?? '');
    await client.connect(new StreamableHTTPClientTransport(url, { requestInit: { headers } }));
    await worksWith(client);
  });

  it('a client that starts a program connects as it says', async () => {
    const [, stdio] = configurations;
    const args = stdio?.args.map((word) => word.replace('/path/to/postern/', PROJECT)) ?? [];
    const env = {
      ...stdio?.env,
      PATH: process.env.PATH ?? '',
      POSTERN_TOKEN: ADMIN_TOKEN,
      POSTERN_URL: gateway.url,
    };
    const client = new Client({ name: 'test', version: '1' });
    const command = stdio?.command === 'node' ? process.execPath : '';
    await client.connect(new StdioClientTransport({ command, args, env }));
    await worksWith(client);
  });

  it('its command shows whether it works', async () => {
    const [command] = commandsOf(PAGE);
    const line = command?.line.replace(THERE, gateway.url).replace('$POSTERN_TOKEN', ADMIN_TOKEN) ?? '';
    const [program = '', ...args] = wordsOf(line);
    const { stdout } = await promisify(execFile)(program, args);
    assert.match(stdout, /"structuredContent":\{"data":\[\]/);
  });
});
