// What the official conformance suite of MCP asks a server to offer for its tests: tools, resources and prompts with fixed
// names and answers. `postern start --mcp-fixtures` adds them to the real server; nothing else ever does.
import { setTimeout as delay } from 'node:timers/promises';
import {
  type CallToolResult,
  completable,
  fromJsonSchema,
  type McpServer,
  ResourceTemplate,
} from '@modelcontextprotocol/server';
import { z } from 'zod';
import { isLoopback } from '../api/http/host-guard.ts';
import type { McpExtension } from '../api/mcp/parts.ts';
import { PosternError } from '../kernel/errors.ts';
import { registerInputFixtures, stateOptions } from './mcp-input-fixtures.ts';

const STEP_MS = 50; // between two notifications, as the suite's descriptions say
const PNG =
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg=='; // one red pixel
const WAV = 'UklGRiQAAABXQVZFZm10IBAAAAABAAEAQB8AAIA+AAACABAAZGF0YQAAAAA='; // a header, and no sound

/**
 * Adds the fixtures, to a gateway that only this machine reaches.
 * @throws PosternError `fixtures_refused`
 */
export function mcpFixtures(host: string): McpExtension {
  if (!isLoopback(host)) {
    throw new PosternError('fixtures_refused', `The fixtures of a test suite are not served on ${host}.`, {
      hint: 'Leave --mcp-fixtures out, or set POSTERN_HOST to 127.0.0.1.',
    });
  }
  return {
    options: stateOptions,
    register(server, { toolsChanged }) {
      registerContent(server);
      registerProgress(server);
      registerSchemas(server);
      registerResources(server);
      registerPrompts(server);
      registerInputFixtures(server);
      server.registerTool('test_trigger_tool_change', described('Says that the tools changed.'), () => {
        toolsChanged();
        return text('The tools changed.');
      });
    },
  };
}

const described = (description: string) => ({ description });
const text = (said: string): CallToolResult => ({ content: [{ type: 'text', text: said }] });
const image = { type: 'image', data: PNG, mimeType: 'image/png' } as const;

function registerContent(server: McpServer): void {
  server.registerTool('test_simple_text', described('Answers with text.'), () =>
    text('This is a simple text response for testing.'),
  );
  server.registerTool('test_image_content', described('Answers with an image.'), () => ({
    content: [image],
  }));
  server.registerTool('test_audio_content', described('Answers with a sound.'), () => ({
    content: [{ type: 'audio', data: WAV, mimeType: 'audio/wav' }],
  }));
  server.registerTool('test_embedded_resource', described('Answers with a resource.'), () => ({
    content: [
      {
        type: 'resource',
        resource: {
          uri: 'test://embedded-resource',
          mimeType: 'text/plain',
          text: 'This is an embedded resource content.',
        },
      },
    ],
  }));
  server.registerTool(
    'test_multiple_content_types',
    described('Answers with text, an image and a resource.'),
    () => ({
      content: [
        { type: 'text', text: 'Multiple content types test:' },
        image,
        {
          type: 'resource',
          resource: {
            uri: 'test://mixed-content-resource',
            mimeType: 'application/json',
            text: '{"test":"data","value":123}',
          },
        },
      ],
    }),
  );
  server.registerTool('test_error_handling', described('Always fails.'), () => {
    throw new Error('This tool intentionally returns an error for testing');
  });
}

function registerProgress(server: McpServer): void {
  server.server.registerCapabilities({ logging: {} });
  const logs = ['Tool execution started', 'Tool processing data', 'Tool execution completed'];
  for (const name of ['test_tool_with_logging', 'test_logging_tool']) {
    server.registerTool(name, described('Logs three times.'), async ({ mcpReq }) => {
      for (const said of logs) {
        await mcpReq.log('info', said, 'fixtures');
        await delay(STEP_MS);
      }
      return text('Logged three times.');
    });
  }
  server.registerTool('test_tool_with_progress', described('Reports its progress.'), async ({ mcpReq }) => {
    const progressToken = mcpReq._meta?.progressToken;
    for (const progress of [0, 50, 100]) {
      if (progressToken !== undefined) {
        const params = { progressToken, progress, total: 100 };
        await mcpReq.notify({ method: 'notifications/progress', params });
      }
      await delay(STEP_MS);
    }
    return text('Done in three steps.');
  });
  // The stream ends in the middle of the call; the client comes back for the rest.
  server.registerTool(
    'test_reconnection',
    described('Ends its stream before it answers.'),
    async (context) => {
      context.http?.closeSSE?.();
      await delay(2 * STEP_MS);
      return text('Reconnection test completed successfully.');
    },
  );
}

function registerSchemas(server: McpServer): void {
  const reference = {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    type: 'object',
    $defs: {
      address: {
        $anchor: 'addressDef',
        type: 'object',
        properties: { street: { type: 'string' }, city: { type: 'string' } },
      },
    },
    properties: {
      name: { type: 'string' },
      address: { $ref: '#/$defs/address' },
      contactMethod: { type: 'string', enum: ['phone', 'email'] },
      phone: { type: 'string' },
      email: { type: 'string' },
    },
    allOf: [{ anyOf: [{ required: ['phone'] }, { required: ['email'] }] }],
    if: { properties: { contactMethod: { const: 'phone' } }, required: ['contactMethod'] },
    // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema
    then: { required: ['phone'] },
    else: { required: ['email'] },
    additionalProperties: false,
  };
  server.registerTool(
    'json_schema_2020_12_tool',
    { ...described('Has the keywords of JSON Schema 2020-12.'), inputSchema: fromJsonSchema(reference) },
    () => text('Fits.'),
  );
  const withHeader = {
    type: 'object',
    properties: { value: { type: 'string', 'x-mcp-header': 'Value' } },
    required: ['value'],
  };
  server.registerTool(
    'test_custom_header',
    { ...described('Has a parameter that is a header too.'), inputSchema: fromJsonSchema(withHeader) },
    () => text('Fits.'),
  );
}

function registerResources(server: McpServer): void {
  const words = { description: 'Text that never changes.', mimeType: 'text/plain' };
  server.registerResource('static-text', 'test://static-text', words, ({ href: uri }) => ({
    contents: [{ uri, mimeType: 'text/plain', text: 'This is the content of the static text resource.' }],
  }));
  const bytes = { description: 'Bytes that never change.', mimeType: 'image/png' };
  server.registerResource('static-binary', 'test://static-binary', bytes, ({ href: uri }) => ({
    contents: [{ uri, mimeType: 'image/png', blob: PNG }],
  }));
  const watched = { description: 'Can be subscribed to.', mimeType: 'text/plain' };
  server.registerResource('watched-resource', 'test://watched-resource', watched, ({ href: uri }) => ({
    contents: [{ uri, mimeType: 'text/plain', text: 'Watched.' }],
  }));
  server.registerResource(
    'template',
    new ResourceTemplate('test://template/{id}/data', { list: undefined }),
    { description: 'One resource for each id.', mimeType: 'application/json' },
    ({ href: uri }, { id }) => {
      const body = JSON.stringify({ id, templateTest: true, data: `Data for ID: ${id}` });
      return { contents: [{ uri, mimeType: 'application/json', text: body }] };
    },
  );
  server.server.registerCapabilities({ resources: { subscribe: true } });
  server.server.setRequestHandler('resources/subscribe', () => ({}));
  server.server.setRequestHandler('resources/unsubscribe', () => ({}));
}

function registerPrompts(server: McpServer): void {
  const said = (words: string) => ({
    role: 'user' as const,
    content: { type: 'text' as const, text: words },
  });
  server.registerPrompt('test_simple_prompt', described('A prompt without arguments.'), () => ({
    messages: [said('This is a simple prompt for testing.')],
  }));
  const argument = (what: string) =>
    completable(z.string().describe(what), (begun) =>
      ['paris', 'park', 'party'].filter((word) => word.startsWith(begun)),
    );
  server.registerPrompt(
    'test_prompt_with_arguments',
    {
      ...described('A prompt with two arguments.'),
      argsSchema: z.object({ arg1: argument('First test argument'), arg2: argument('Second test argument') }),
    },
    ({ arg1, arg2 }) => ({
      messages: [said(`Prompt with arguments: arg1='${arg1}', arg2='${arg2}'`)],
    }),
  );
  server.registerPrompt(
    'test_prompt_with_embedded_resource',
    { ...described('A prompt with a resource.'), argsSchema: z.object({ resourceUri: z.string() }) },
    ({ resourceUri: uri }) => {
      const resource = { uri, mimeType: 'text/plain', text: 'Embedded resource content for testing.' };
      return {
        messages: [
          { role: 'user', content: { type: 'resource', resource } },
          said('Please process the embedded resource above.'),
        ],
      };
    },
  );
  server.registerPrompt('test_prompt_with_image', described('A prompt with an image.'), () => ({
    messages: [{ role: 'user', content: image }, said('Please analyze the image above.')],
  }));
}
