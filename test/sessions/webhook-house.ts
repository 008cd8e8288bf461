// A house whose agents are behind real webhooks: endpoints of the test's own that are asked over HTTP, by the real runner.
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { SessionEvent } from '../../src/contracts/session.ts';
import { silentLogger } from '../../src/kernel/logger.ts';
import { Endpoints } from '../../src/sessions/endpoints.ts';
import { runners } from '../../src/sessions/runners.ts';
import { Waiting } from '../support/waiting.ts';
import { type House, openHouse } from './house.ts';

export const SECRET = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;

export interface Request {
  /** The path it came to. */
  path: string;
  headers: IncomingHttpHeaders;
  body: string;
  event: SessionEvent;
}

/** Endpoints at paths of one server, each with its own answer; 204 where nothing is said. */
export class Hooks {
  readonly requests: Request[] = [];
  readonly #answers = new Map<string, (response: ServerResponse, request: Request) => void>();
  readonly #waiting = new Waiting(20_000, () => this.requests.map(({ path }) => path));
  readonly #server = createServer((incoming, response) => {
    let body = '';
    incoming.setEncoding('utf8');
    incoming.on('data', (piece: string) => {
      body += piece;
    });
    incoming.on('end', () => {
      const path = incoming.url ?? '';
      const request = { path, headers: incoming.headers, body, event: JSON.parse(body) as SessionEvent };
      this.requests.push(request);
      this.#waiting.tell();
      const answer = this.#answers.get(path);
      if (answer) answer(response, request);
      else response.writeHead(204).end();
    });
  });

  async listen(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
  }

  url(path: string): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}${path}`;
  }

  answers(path: string, answer: (response: ServerResponse, request: Request) => void): void {
    this.#answers.set(path, answer);
  }

  /** Of one endpoint, in order. */
  at(path: string): Request[] {
    return this.requests.filter((request) => request.path === path);
  }

  until<T>(look: () => T | undefined | null | false): Promise<T> {
    return this.#waiting.until(look);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

export interface WebhookHouse {
  house: House;
  endpoints: Endpoints;
  /** What came into the audit: operation and target. */
  audited: [string, string][];
}

export async function openWebhookHouse(yaml: string): Promise<WebhookHouse> {
  let endpoints: Endpoints | undefined;
  const audited: [string, string][] = [];
  const house = await openHouse(yaml, (ground) => {
    endpoints = new Endpoints({
      ...ground,
      log: silentLogger,
      resolveSecret: () => SECRET,
      audit: async (_, { operation, target }) => void audited.push([operation, target]),
    });
    return runners({
      ...{ environment: {}, resolveSecret: () => SECRET, now: ground.clock.now, endpoints },
      guard: { watch: () => ({ started: () => undefined, release: () => undefined }) },
      modelRunner: () => {
        throw new Error('there is no model here');
      },
    });
  });
  return { house, endpoints: endpoints as Endpoints, audited };
}

/** The line of an agent in rules. */
export const hookAgent = (name: string, url: string, limits = '{}', more = ''): string =>
  `  ${name}: { run: { webhook: { url: "${url}", secret_ref: "env:SECRET", allow_private: true${more} } }, limits: ${limits} }`;
