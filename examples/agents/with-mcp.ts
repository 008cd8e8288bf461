// An agent that uses its session's tools over MCP, by the official client: it answers who asks what was written before.
//
// Postern's MCP server shows the tools that the agent's policy leaves it, and no other. A tool that policy refuses says so
// in its result, and the refusal stands in the session's record.
import { text as readAll } from 'node:stream/consumers';
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';

interface Event {
  type: string;
  data: {
    session: { mcp: string; token: string };
    message: { id: string; thread_id: string; subject: string };
  };
}

const event = JSON.parse(await readAll(process.stdin)) as Event;
const { session, message } = event.data;
const client = new Client({ name: 'with-mcp', version: '1.0.0' });
await client.connect(
  new StreamableHTTPClientTransport(new URL(session.mcp), {
    requestInit: { headers: { authorization: `Bearer ${session.token}` } },
  }),
);
try {
  const { tools } = await client.listTools();
  process.stderr.write(`tools: ${tools.map(({ name }) => name).join(', ')}\n`);
  const thread = await use('get_thread', { id: message.thread_id });
  const count = Array.isArray(thread.messages) ? thread.messages.length : 1;
  const text = `Hello,\n\nwe have ${count === 1 ? 'one mail' : `${count} mails`} in this conversation.\n\nKind regards\n`;
  const outcome = await use('reply_to_message', { id: message.id, text });
  await use('finish', { summary: `The reply is ${String(outcome.state)}.` });
  process.stdout.write('{"actions":[]}');
} finally {
  await client.close();
}

/** Calls a tool. @returns its result as data */
async function use(name: string, input: Record<string, unknown>): Promise<Record<string, unknown>> {
  const result = await client.callTool({ name, arguments: input });
  if (result.isError) throw new Error(`${name}: ${JSON.stringify(result.content)}`);
  return (result.structuredContent ?? {}) as Record<string, unknown>;
}
