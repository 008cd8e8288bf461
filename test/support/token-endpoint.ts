// A token endpoint for unit tests: refresh tokens that rotate and are good once, and failures on demand. What it does
// beyond that is the real server's matter (oauth-server.ts).
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';

export interface TokenEndpoint {
  url: string;
  /** The requests, newest last. */
  requests: { form: Record<string, string>; authorization: string | null }[];
  /** The refresh token that is good now. */
  good: string;
  /** Access tokens live this long, seconds; undefined: it does not say. */
  lifeSeconds: number | undefined;
  rotates: boolean;
  /** Answers instead, while it is set. Null: it goes on as ever. */
  instead: ((res: ServerResponse, form: Record<string, string>) => void) | null;
  /** The greatest number of requests that were being answered at once. */
  mostAtOnce: number;
  close(): Promise<void>;
}

export async function startTokenEndpoint(): Promise<TokenEndpoint> {
  let count = 0;
  let running = 0;
  const endpoint: TokenEndpoint = {
    url: '',
    requests: [],
    good: 'refresh-0',
    lifeSeconds: 3600,
    rotates: true,
    instead: null,
    mostAtOnce: 0,
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  const server = createServer((req, res) => {
    running++;
    endpoint.mostAtOnce = Math.max(endpoint.mostAtOnce, running);
    res.on('close', () => running--);
    void answer(req, res);
  });

  async function answer(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const form = Object.fromEntries(new URLSearchParams(await text(req)));
    endpoint.requests.push({ form, authorization: req.headers.authorization ?? null });
    if (endpoint.instead) {
      endpoint.instead(res, form);
      return;
    }
    const isRefresh = form.grant_type === 'refresh_token';
    if (isRefresh && form.refresh_token !== endpoint.good) {
      json(res, 400, {
        error: 'invalid_grant',
        error_description: `the token ${form.refresh_token} is used up`,
      });
      return;
    }
    count++;
    if (isRefresh && endpoint.rotates) endpoint.good = `refresh-${count}`;
    json(res, 200, {
      access_token: `access-${count}`,
      token_type: 'Bearer',
      ...(endpoint.lifeSeconds === undefined ? {} : { expires_in: endpoint.lifeSeconds }),
      ...(isRefresh && endpoint.rotates ? { refresh_token: endpoint.good } : {}),
      ...(form.grant_type === 'authorization_code' ? { refresh_token: endpoint.good } : {}),
    });
  }

  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  endpoint.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/token`;
  return endpoint;
}

export function json(
  res: ServerResponse,
  status: number,
  body: unknown,
  headers: Record<string, string> = {},
): void {
  res.writeHead(status, { 'content-type': 'application/json', ...headers });
  res.end(JSON.stringify(body));
}
