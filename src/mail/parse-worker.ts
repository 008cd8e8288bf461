// The thread in which raw mail and large bodies are read. It is given bytes and answers with plain objects; parse.ts
// ends it when it takes too long or too much memory.
import { parentPort } from 'node:worker_threads';
import type { MailPart } from '../contracts/mail.ts';
import { codeOf, explain } from '../kernel/errors.ts';
import { type ContentHints, contentOf, type TransferredPart, withLanguage } from './content.ts';
import { readMime } from './parse-mime.ts';
import { openPart } from './unpacked.ts';

export type ParseRequest =
  | { id: number; kind: 'mime'; raw: Uint8Array; keepContent: boolean }
  | { id: number; kind: 'content'; parts: TransferredPart[]; head: ContentHints }
  | { id: number; kind: 'unpack'; part: MailPart; bytes: Uint8Array; index: number };

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
    return { id: request.id, value: await answerTo(request) };
  } catch (error) {
    return { id: request.id, error: { code: codeOf(error), message: explain(error) } };
  }
}

async function answerTo(request: ParseRequest): Promise<unknown> {
  switch (request.kind) {
    case 'mime':
      return readMime(request.raw, request.keepContent);
    case 'content':
      return withLanguage(contentOf(request.parts, request.head));
    case 'unpack':
      // A copy: what lies around it in the same memory would be sent along.
      return copyOf(openPart(request.part, request.bytes)?.files[request.index]?.content);
  }
}

const copyOf = (octets: Buffer | undefined): Uint8Array | null => (octets ? new Uint8Array(octets) : null);
