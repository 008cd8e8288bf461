// What the MCP door is made of, and the seam for what is added to it in tests.
import type { McpServer, McpServerOptions } from '@modelcontextprotocol/server';
import type { Logger } from '../../kernel/logger.ts';
import type { Operation } from '../registry.ts';
import type { Rooms } from '../rooms.ts';

export interface McpParts {
  rooms: Rooms;
  operations: readonly Operation[];
  log: Logger;
  /** What a server offers besides: the fixtures of the conformance suite, and never anything else. */
  extension?: McpExtension;
  /** How often streams are looked at whether their token is still one; 15 s by itself. */
  lookAgainMs?: number;
}

export interface McpExtension {
  options?: McpServerOptions;
  /** Adds to a server; `toolsChanged` tells every listener that the tools are others now. */
  register(server: McpServer, tell: { toolsChanged(): void }): void;
}
