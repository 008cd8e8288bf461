// Where MCP hangs on the HTTP server: who asks, whose page it is, and then the door. The door is loaded with the first
// request: a gateway that nobody speaks MCP to does not hold its library.
import type { RequestHandler } from 'express';
import type { McpDoor } from '../mcp/door.ts';
import type { McpParts } from '../mcp/parts.ts';
import type { SignIn } from './sign-in.ts';

export interface McpRouteParts extends McpParts {
  signIn: SignIn;
  checkOrigin: (origin: string | undefined) => void;
}

export class McpRoute {
  readonly #parts: McpRouteParts;
  #door: Promise<McpDoor> | undefined;

  constructor(parts: McpRouteParts) {
    this.#parts = parts;
  }

  readonly handle: RequestHandler = async (req, res) => {
    const { signIn, checkOrigin } = this.#parts;
    checkOrigin(req.headers.origin);
    const principal = await signIn(req);
    const door = await this.#open();
    const requestId = String(res.locals.requestId);
    await door.serve({ req, res, caller: { principal, requestId }, signIn: () => signIn(req) });
  };

  async stop(): Promise<void> {
    await (await this.#door)?.stop();
  }

  #open(): Promise<McpDoor> {
    this.#door ??= import('../mcp/door.ts').then(({ McpDoor }) => new McpDoor(this.#parts));
    return this.#door;
  }
}
