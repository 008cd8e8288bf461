// The thread in which raw mail and large bodies are read. It is given bytes and answers with plain objects; parse.ts
// ends it when it takes too long or too much memory.
import { parentPort } from 'node:worker_threads';
import { codeOf, explain } from '../kernel/errors.ts';
import { contentOf, type TransferredPart, withLanguage } from './content.ts';
import { readMime } from './parse-mime.ts';

export type ParseRequest =
  | { id: number; kind: 'mime'; raw: Uint8Array; keepContent: boolean }
  | { id: number; kind: 'content'; parts: TransferredPart[]; subject: string };

/** Id 0 says that the thread is ready. */
export type ParseResponse = { id: number } & (
  | { value: unknown }
  | { error: { code: string; message: string } }
);

const port = parentPort;
port?.on('message', (request: ParseRequest) => {
  void answer(request).then((response) => port.postMessage(response));
});

port?.postMessage({ id: 0, value: null } satisfies ParseResponse);

async function answer(request: ParseRequest): Promise<ParseResponse> {
  try {
    const value =
      request.kind === 'mime'
        ? await readMime(request.raw, request.keepContent)
        : await withLanguage(contentOf(request.parts, { subject: request.subject }));
    return { id: request.id, value };
  } catch (error) {
    return { id: request.id, error: { code: codeOf(error), message: explain(error) } };
  }
}
