// The world of the proof: a gateway with one account, and an SMTP server in the proof's own process, which survives every kill
// and notes when each mail came.
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { prepareGateway, type TestGateway } from '../../support/gateway.ts';
import { startSmtpServer, type TestSmtpServer } from '../../support/smtp-server.ts';
import type { Random } from '../random.ts';

export const LIST = 'launch';
const TEMPLATE: Record<string, string> = {
  'subject.hbs': 'News {{number}}',
  'text.hbs': 'Dear {{recipient.name}}, you are number {{recipient.number}}. Leave: {{unsubscribe_url}}\n',
  'html.hbs': '<p>Dear {{recipient.name}}, you are number {{recipient.number}}.</p>',
};

export interface Arrival {
  address: string;
  /** By the clock of the proof, in milliseconds. */
  at: number;
  raw: Buffer;
}

export interface World {
  gateway: TestGateway;
  smtp: TestSmtpServer;
  arrivals: Arrival[];
  /** Fulfils when that many mails have come, and one more has just been read and not been answered. */
  reached(count: number): Promise<void>;
  end(): Promise<void>;
}

export async function makeWorld(random: Random): Promise<World> {
  const arrivals: Arrival[] = [];
  let waiting: { count: number; resolve: () => void }[] = [];
  const smtp = await startSmtpServer({
    beforeAnswer: async ({ recipients, raw }) => {
      for (const address of recipients) arrivals.push({ address, at: performance.now(), raw });
      for (const { count, resolve } of waiting) if (arrivals.length > count) resolve();
      waiting = waiting.filter(({ count }) => arrivals.length <= count);
      // Now and then a server takes its time: a kill then strikes a mail that was taken and not yet confirmed.
      if (random.chance(0.1)) await new Promise((resolve) => setTimeout(resolve, random.between(5, 60)));
    },
  });
  const gateway = await prepareGateway({
    rules: { 'rules.yaml': 'rules: []\n' },
    env: { POSTERN_PUBLIC_URL: 'https://mail.company.example' },
  });
  const folder = join(gateway.folder, 'templates');
  gateway.setEnv({ POSTERN_TEMPLATES: folder });
  await mkdir(join(folder, 'news'), { recursive: true });
  for (const [file, text] of Object.entries(TEMPLATE)) await writeFile(join(folder, 'news', file), text);
  await gateway.start();
  const added = await gateway.request('POST', '/v1/accounts', {
    label: 'sales',
    address: 'sales@company.example',
    imap: { host: '127.0.0.1', port: 1, security: 'none' },
    smtp: { host: smtp.host, port: smtp.port, security: 'none' },
    require_tls: false,
    auth: { type: 'basic', username: 'sales', password: 'not-asked-for' },
    watch: { mode: 'off' },
    sent_copy: 'none',
  });
  if (added.status !== 201) throw new Error(JSON.stringify(added.body));
  return {
    gateway,
    smtp,
    arrivals,
    reached: (count) =>
      new Promise((resolve) => {
        if (arrivals.length > count) resolve();
        else waiting.push({ count, resolve });
      }),
    end: async () => {
      await gateway[Symbol.asyncDispose]();
      await smtp.stop();
    },
  };
}
