// A website that takes mail from Postern: it verifies the signature, takes each mail once, and prints its subject.
//
//   RECEIVER_SECRET=whsec_… npx node examples/receivers/inbox.ts
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import { Webhook } from 'standardwebhooks';

/** The fields that this receiver reads of Postern's event. */
export interface Mail {
  type: 'message.received';
  data: {
    account: { label: string };
    message: { from: { address: string } | null; subject: string; text: string };
  };
}

const LARGEST_BODY_BYTES = 256 * 1024 * 1024; // as much as Postern sends at the most
const KEPT_IDS = 10_000; // a real receiver keeps them in its database, in the transaction that takes the mail

/** @param take called once for each mail; when it throws, Postern sends the mail again */
export function inbox(secret: string, take: (mail: Mail) => Promise<void> | void): Server {
  const webhook = new Webhook(secret);
  const taken = new Set<string>();

  /** The status to answer with. */
  const receive = async (headers: IncomingHttpHeaders, body: string): Promise<number> => {
    let mail: Mail;
    try {
      mail = webhook.verify(body, headers as Record<string, string>) as Mail;
    } catch {
      return 401; // Postern shows the delivery as refused
    }
    const id = String(headers['webhook-id']);
    if (taken.has(id)) return 204; // a repetition: it was taken before
    await take(mail);
    taken.add(id);
    if (taken.size > KEPT_IDS) taken.delete(taken.values().next().value ?? ''); // the oldest
    return 204;
  };

  return createServer((request, response) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    request.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes > LARGEST_BODY_BYTES) response.writeHead(413).end(() => request.destroy());
      else chunks.push(chunk);
    });
    request.on('error', () => undefined); // Postern sends it again
    request.on('end', () => {
      receive(request.headers, Buffer.concat(chunks).toString('utf8')).then(
        (status) => response.writeHead(status).end(),
        (error: unknown) => {
          console.error(error);
          response.writeHead(500).end();
        },
      );
    });
  });
}

if (import.meta.main) {
  const { RECEIVER_SECRET: secret, RECEIVER_PORT: port = '8080' } = process.env;
  if (!secret) throw new Error('Set RECEIVER_SECRET, the secret that secret_ref of the destination names.');
  inbox(secret, ({ data: { account, message } }) => {
    console.log(`${account.label}: ${message.from?.address ?? 'nobody'} writes: ${message.subject}`);
  }).listen(Number(port), '127.0.0.1');
}
