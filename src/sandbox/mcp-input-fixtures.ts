// The fixtures that ask the client something: for its model's words, for its user's, for its roots. Up to 2025-11-25 the
// server sends requests of its own for that; from 2026-07-28 the answer says what is missing, and the call comes again.
import { randomBytes } from 'node:crypto';
import {
  acceptedContent,
  type CallToolResult,
  CLIENT_CAPABILITIES_META_KEY,
  type ClientCapabilities,
  createRequestStateCodec,
  type ElicitRequestFormParams,
  inputRequired,
  inputResponse,
  type McpServer,
  type McpServerOptions,
  type ServerContext,
} from '@modelcontextprotocol/server';
import { z } from 'zod';

type Requested = ElicitRequestFormParams['requestedSchema'];

const codec = createRequestStateCodec<{ step: number }>({ key: randomBytes(32) });
/** State that goes over the client is signed. */
export const stateOptions: McpServerOptions = { requestState: { verify: codec.verify } };

const described = (description: string) => ({ description });
const text = (said: string): CallToolResult => ({ content: [{ type: 'text', text: said }] });
const wordSchema = (name: string): Requested => ({
  type: 'object',
  properties: { [name]: { type: 'string' } },
  required: [name],
});
const confirmSchema: Requested = {
  type: 'object',
  properties: { ok: { type: 'boolean' } },
  required: ['ok'],
};
const question = (words: string, maxTokens: number) =>
  inputRequired.createMessage({
    messages: [{ role: 'user', content: { type: 'text', text: words } }],
    maxTokens,
  });
const elicit = (message: string, requestedSchema: Requested) =>
  inputRequired.elicit({ message, requestedSchema });

export function registerInputFixtures(server: McpServer): void {
  registerPushed(server);
  registerRequired(server);
  registerStateful(server);
  registerCapabilities(server);
}

/** As up to 2025-11-25. */
function registerPushed(server: McpServer): void {
  server.registerTool(
    'test_sampling',
    { ...described('Asks the model of the client.'), inputSchema: z.object({ prompt: z.string() }) },
    async ({ prompt }, { mcpReq }) => {
      const messages = [{ role: 'user' as const, content: { type: 'text' as const, text: prompt } }];
      // By `send`, which goes over the stream of this call; the library's shorter ways use the session's own stream, and
      // lose the question where the client has not opened that yet.
      const params = { messages, maxTokens: 100 };
      const { content } = await mcpReq.send({ method: 'sampling/createMessage', params });
      const said = Array.isArray(content) ? content[0] : content;
      return text(`LLM response: ${said?.type === 'text' ? said.text : ''}`);
    },
  );
  const asked = async (mcpReq: ServerContext['mcpReq'], message: string, requestedSchema: Requested) => {
    const params = { message, requestedSchema };
    const { action, content } = await mcpReq.send({ method: 'elicitation/create', params });
    return `action=${action}, content=${JSON.stringify(content ?? {})}`;
  };
  server.registerTool(
    'test_elicitation',
    { ...described('Asks the user of the client.'), inputSchema: z.object({ message: z.string() }) },
    async ({ message }, { mcpReq }) => {
      const schema: Requested = {
        type: 'object',
        properties: {
          username: { type: 'string', description: "User's response" },
          email: { type: 'string', description: "User's email address" },
        },
        required: ['username', 'email'],
      };
      return text(`User response: ${await asked(mcpReq, message, schema)}`);
    },
  );
  const defaults: Requested = {
    type: 'object',
    properties: {
      name: { type: 'string', default: 'John Doe' },
      age: { type: 'integer', default: 30 },
      score: { type: 'number', default: 95.5 },
      status: { type: 'string', enum: ['active', 'inactive', 'pending'], default: 'active' },
      verified: { type: 'boolean', default: true },
    },
  };
  const three = ['option1', 'option2', 'option3'];
  const titled = (ordinal: string) =>
    ['First', 'Second', 'Third'].map((nth, i) => ({ const: `value${i + 1}`, title: `${nth} ${ordinal}` }));
  const enums: Requested = {
    type: 'object',
    properties: {
      untitledSingle: { type: 'string', enum: three },
      titledSingle: { type: 'string', oneOf: titled('Option') },
      legacyEnum: {
        type: 'string',
        enum: ['opt1', 'opt2', 'opt3'],
        enumNames: ['Option One', 'Option Two', 'Option Three'],
      },
      untitledMulti: { type: 'array', items: { type: 'string', enum: three } },
      titledMulti: { type: 'array', items: { anyOf: titled('Choice') } },
    },
  };
  for (const [name, schema] of [
    ['test_elicitation_sep1034_defaults', defaults],
    ['test_elicitation_sep1330_enums', enums],
  ] as const) {
    server.registerTool(name, described('Asks the user with a form.'), async ({ mcpReq }) =>
      text(`Elicitation completed: ${await asked(mcpReq, 'Please fill this in.', schema)}`),
    );
  }
}

/** As from 2026-07-28. */
function registerRequired(server: McpServer): void {
  const name = z.object({ name: z.string() });
  server.registerTool(
    'test_input_required_result_elicitation',
    described('Needs a name.'),
    ({ mcpReq: { inputResponses } }) => {
      const given = acceptedContent(inputResponses, 'user_name', name);
      if (given) return text(`Hello, ${given.name}!`);
      const user_name = elicit('What is your name?', wordSchema('name'));
      return inputRequired({ inputRequests: { user_name } });
    },
  );
  server.registerTool(
    'test_input_required_result_sampling',
    described('Needs an answer of a model.'),
    ({ mcpReq: { inputResponses } }) => {
      const given = inputResponse(inputResponses, 'capital_question');
      if (given.kind === 'sampling') return text(`The model said: ${JSON.stringify(given.result.content)}`);
      const capital_question = question('What is the capital of France?', 100);
      return inputRequired({ inputRequests: { capital_question } });
    },
  );
  server.registerTool(
    'test_input_required_result_list_roots',
    described('Needs the roots of the client.'),
    ({ mcpReq: { inputResponses } }) => {
      const given = inputResponse(inputResponses, 'client_roots');
      if (given.kind === 'roots') return text(`Roots: ${given.roots.map(({ uri }) => uri).join(', ')}`);
      return inputRequired({ inputRequests: { client_roots: inputRequired.listRoots() } });
    },
  );
  server.registerTool(
    'test_streaming_elicitation',
    described('Reports its progress, and then needs a name.'),
    async ({ mcpReq }) => {
      const progressToken = mcpReq._meta?.progressToken ?? 'fixture';
      await mcpReq.notify({ method: 'notifications/progress', params: { progressToken, progress: 1 } });
      return inputRequired({ inputRequests: { user_name: elicit('Your name?', wordSchema('name')) } });
    },
  );
  server.registerPrompt(
    'test_input_required_result_prompt',
    described('Needs to know its context.'),
    ({ mcpReq: { inputResponses } }) => {
      const given = acceptedContent(inputResponses, 'user_context', z.object({ context: z.string() }));
      if (given) {
        const content = { type: 'text' as const, text: `The context is ${given.context}.` };
        return { messages: [{ role: 'user' as const, content }] };
      }
      const user_context = elicit('What context should the prompt use?', wordSchema('context'));
      return inputRequired({ inputRequests: { user_context } });
    },
  );
}

function registerStateful(server: McpServer): void {
  for (const name of [
    'test_input_required_result_request_state',
    'test_input_required_result_tampered_state',
  ])
    server.registerTool(name, described('Needs a confirmation, and its state back.'), async (context) => {
      const { inputResponses, requestState } = context.mcpReq;
      const given = acceptedContent(inputResponses, 'confirm', z.object({ ok: z.boolean() }));
      if (given && requestState<{ step: number }>()?.step === 1) return text('state-ok');
      return inputRequired({
        inputRequests: { confirm: elicit('Please confirm', confirmSchema) },
        requestState: await codec.mint({ step: 1 }),
      });
    });
  server.registerTool(
    'test_input_required_result_multiple_inputs',
    described('Needs three things at once.'),
    async ({ mcpReq: { inputResponses } }) => {
      const name = inputResponse(inputResponses, 'user_name');
      const greeting = inputResponse(inputResponses, 'greeting');
      const roots = inputResponse(inputResponses, 'client_roots');
      if (name.kind === 'elicit' && greeting.kind === 'sampling' && roots.kind === 'roots')
        return text('All three are here.');
      return inputRequired({
        inputRequests: {
          user_name: elicit('What is your name?', wordSchema('name')),
          greeting: question('Generate a greeting', 50),
          client_roots: inputRequired.listRoots(),
        },
        requestState: await codec.mint({ step: 1 }),
      });
    },
  );
  server.registerTool(
    'test_input_required_result_multi_round',
    described('Needs two things, one after the other.'),
    async ({ mcpReq: { inputResponses, requestState } }) => {
      const step = requestState<{ step: number }>()?.step ?? 0;
      if (step === 2 && acceptedContent(inputResponses, 'step2')) return text('Both steps are done.');
      if (step === 1 && acceptedContent(inputResponses, 'step1')) {
        const step2 = elicit('Step 2: What is your favorite color?', wordSchema('color'));
        return inputRequired({ inputRequests: { step2 }, requestState: await codec.mint({ step: 2 }) });
      }
      const step1 = elicit('Step 1: What is your name?', wordSchema('name'));
      return inputRequired({ inputRequests: { step1 }, requestState: await codec.mint({ step: 1 }) });
    },
  );
}

/** What a client has not declared is not asked of it. */
function registerCapabilities(server: McpServer): void {
  server.registerTool('test_missing_capability', described('Needs a model at the client.'), () =>
    inputRequired({ inputRequests: { answer: question('Anything', 10) } }),
  );
  server.registerTool(
    'test_input_required_result_capabilities',
    described('Asks only what the client can answer.'),
    ({ mcpReq: { envelope } }) => {
      const declared = Object(envelope)[CLIENT_CAPABILITIES_META_KEY] as ClientCapabilities | undefined;
      return inputRequired({
        inputRequests: {
          ...(declared?.sampling ? { answer: question('Anything', 10) } : {}),
          ...(declared?.elicitation ? { name: elicit('What is your name?', wordSchema('name')) } : {}),
        },
      });
    },
  );
}
