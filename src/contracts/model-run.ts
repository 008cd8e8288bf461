// An agent that is a language model: which one, what it is told, and what it may spend.
import { z } from 'zod';
import { secretRef } from './endpoint.ts';

const LARGEST_INSTRUCTIONS_CHARS = 200_000; // some 50,000 tokens, sent with every step
const MOST_STEPS = 200;
const MOST_TOKENS = 100_000_000;

const instructions = z.union([
  z.string().min(1).max(LARGEST_INSTRUCTIONS_CHARS),
  z.strictObject({
    file: z
      .string()
      .regex(/^[^./\\][^/\\]{0,199}\.(md|txt)$/, 'name a .md or .txt file that lies beside the rules files')
      .describe('A text file in the rules folder; read again when it changes.'),
  }),
]);

const price = z.strictObject({
  input: z.number().min(0).max(1_000_000).describe('Of a million tokens that the model reads.'),
  output: z.number().min(0).max(1_000_000).describe('Of a million tokens that it writes.'),
});

export const modelRun = z.strictObject({
  provider: z
    .enum(['openai-compatible', 'anthropic'])
    .describe('The protocol: OpenAI chat completions, as most servers speak it, or Anthropic messages.'),
  url: z
    .url({ protocol: /^https?$/, error: 'write a URL such as https://api.openai.com/v1' })
    .describe('Where the protocol begins, with its version: https://api.openai.com/v1.'),
  name: z.string().min(1).max(200).describe("The model's name, as its server knows it."),
  api_key_ref: secretRef
    .optional()
    .describe('The key by reference: `env:NAME` or `file:/path`. A model of your own may need none.'),
  instructions: instructions.describe('What the model is told to do: a text, or a file beside the rules.'),
  temperature: z.number().min(0).max(2).optional().describe("The server's own where it is absent."),
  max_steps: z
    .number()
    .int()
    .min(1)
    .max(MOST_STEPS)
    .default(20)
    .describe('How often the model may be asked in one turn.'),
  max_tokens: z
    .number()
    .int()
    .min(1)
    .max(MOST_TOKENS)
    .default(200_000)
    .describe('How many tokens one turn may use, read and written together.'),
  max_output_tokens: z
    .number()
    .int()
    .min(1)
    .max(MOST_TOKENS)
    .optional()
    .describe("How many tokens the model may write at one step; the server's own limit where it is absent."),
  stream: z.boolean().default(false).describe('Asks for the answer in pieces, where a server needs that.'),
  allow_private: z
    .boolean()
    .default(false)
    .describe('Allows http, loopback and private addresses: for a model of your own, such as Ollama.'),
  price: price.optional().describe('What tokens cost, so that the cost of a session can be told.'),
});
export type ModelRun = z.infer<typeof modelRun>;
export const modelWords: readonly string[] = Object.keys(modelRun.shape);
export const priceWords: readonly string[] = Object.keys(price.shape);
export const instructionWords: readonly string[] = ['file'];
