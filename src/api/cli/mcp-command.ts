// `postern mcp`: MCP over the standard streams, for clients that start a program. The gateway is the one that the settings
// name, and the key that of POSTERN_TOKEN, or the admin token.
import { StdioBridge } from '../mcp/stdio-bridge.ts';
import { tokenFrom } from './client.ts';
import type { Command } from './command.ts';
import { complain, EXIT, UsageError } from './io.ts';
import { safeLine } from './terminal-text.ts';

export const mcpCommand: Command = {
  words: ['mcp'],
  summary: 'Speak MCP over stdin and stdout with a running gateway, for clients that start a program.',
  args: [],
  flags: {},
  async run(io, _values, positionals) {
    if (positionals.length > 0) throw new UsageError('There is nothing to give here.');
    const { settings, stdin, stdout } = io;
    const token = await tokenFrom(settings);
    const log = (line: string): void => complain(io, `postern mcp: ${safeLine(line)}`);
    await new StdioBridge({ url: `${settings.url}/mcp`, token, stdin, stdout, log }).run();
    return EXIT.ok;
  },
};
