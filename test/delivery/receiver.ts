// A website that mail is posted to: a real HTTP server that notes what it gets and answers as the test says.
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Posted {
  method: string;
  path: string;
  headers: IncomingHttpHeaders;
  body: Buffer;
}

export interface Receiver {
  url: string;
  port: number;
  posted: Posted[];
  /** How it answers from now on: a status, or anything else. */
  answers(how: number | ((res: ServerResponse, request: Posted) => void)): void;
  /** Fulfils with the request of that number, counted from 1, once it has come whole. */
  request(number: number): Promise<Posted>;
  [Symbol.asyncDispose](): Promise<void>;
}

const WAIT_LIMIT_MS = 20_000;

/** @param port 0: any that is free */
export async function startReceiver(port = 0): Promise<Receiver> {
  const posted: Posted[] = [];
  const waiting = new Set<() => void>();
  let answer = (res: ServerResponse, _request: Posted): void => void res.writeHead(204).end();
  const server = createServer((req, res) => {
    const chunks: Buffer[] = [];
    req.on('error', () => undefined);
    req.on('data', (chunk: Buffer) => chunks.push(chunk));
    req.on('end', () => {
      const { method = '', url = '', headers } = req;
      const request = { method, path: url, headers, body: Buffer.concat(chunks) };
      posted.push(request);
      answer(res, request);
      for (const look of waiting) look();
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.on('error', reject);
    server.listen(port, '127.0.0.1', resolve);
  });
  const bound = (server.address() as AddressInfo).port;
  return {
    url: `http://127.0.0.1:${bound}`,
    port: bound,
    posted,
    answers: (how) => {
      answer = typeof how === 'number' ? (res) => void res.writeHead(how).end() : how;
    },
    request: async (number) => {
      const { promise, resolve, reject } = Promise.withResolvers<Posted>();
      const look = (): void => {
        const found = posted[number - 1];
        if (found) resolve(found);
      };
      const timer = setTimeout(
        () => reject(new Error(`request ${number} did not come; there were ${posted.length}`)),
        WAIT_LIMIT_MS,
      );
      waiting.add(look);
      look();
      return promise.finally(() => {
        clearTimeout(timer);
        waiting.delete(look);
      });
    },
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
