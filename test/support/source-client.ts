// A consumer of a mailbox source: reads its stream line by line, as slowly as the test does.
import type { SourceConsumer, SourceEvent } from '../../src/contracts/source.ts';
import { ADMIN_TOKEN } from './gateway.ts';

/** The events of a stream. Leaving the loop hangs up. */
export async function* sourceEvents(
  url: string,
  consumer: string,
  query: Record<string, string> = {},
): AsyncGenerator<SourceEvent> {
  const hangUp = new AbortController();
  try {
    const response = await fetch(`${url}/v1/sources/${consumer}/stream?${new URLSearchParams(query)}`, {
      headers: { authorization: `Bearer ${ADMIN_TOKEN}` },
      signal: hangUp.signal,
    });
    if (!response.ok) throw new Error(`the stream answered ${response.status}: ${await response.text()}`);
    let text = '';
    for await (const chunk of response.body as AsyncIterable<Uint8Array>) {
      const lines = (text + Buffer.from(chunk).toString('latin1')).split('\n');
      text = lines.pop() ?? '';
      for (const line of lines) yield JSON.parse(Buffer.from(line, 'latin1').toString('utf8')) as SourceEvent;
    }
  } finally {
    hangUp.abort();
  }
}

interface Acknowledged {
  acknowledged: number;
  consumer: SourceConsumer;
  /** Of a refusal. */
  code?: string;
}

export async function acknowledge(
  url: string,
  consumer: string,
  positions: readonly string[],
): Promise<{ status: number; body: Acknowledged }> {
  const response = await fetch(`${url}/v1/sources/${consumer}/acknowledge`, {
    method: 'POST',
    headers: { authorization: `Bearer ${ADMIN_TOKEN}`, 'content-type': 'application/json' },
    body: JSON.stringify({ positions }),
  });
  return { status: response.status, body: (await response.json()) as Acknowledged };
}
