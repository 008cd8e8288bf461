// A gateway that sends digests: an account over a real SMTP server, templates and rules of the test.
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { BroadcastDetail, BroadcastView, DigestView } from '../../src/contracts/broadcast.ts';
import { prepareGateway, type TestGateway } from '../support/gateway.ts';
import { type SmtpServerOptions, startSmtpServer, type TestSmtpServer } from '../support/smtp-server.ts';

const LIMIT_MS = 90_000; // hundreds of mails on a loaded machine

export interface House {
  gateway: TestGateway;
  smtp: TestSmtpServer;
  broadcasts(query?: string): Promise<BroadcastView[]>;
  broadcast(id: string): Promise<BroadcastDetail>;
  digest(name: string): Promise<DigestView>;
  /** Waits until a broadcast is in a state. */
  reaches(id: string, state: string): Promise<BroadcastDetail>;
  [Symbol.asyncDispose](): Promise<void>;
}

export const NEWS: Record<string, string> = {
  'subject.hbs': 'News for {{recipient.name}}',
  'text.hbs':
    'Dear {{recipient.name}} of {{recipient.city}}: {{headline}}\n{{#if unsubscribe_url}}Leave: {{unsubscribe_url}}\n{{/if}}',
  'html.hbs': '<p lang="{{recipient.language}}">Dear {{recipient.name}}: {{headline}}</p>',
};

export interface HouseOptions {
  rules?: string;
  /** By template, the texts of its files. */
  templates?: Record<string, Record<string, string>>;
  smtp?: SmtpServerOptions;
  env?: Record<string, string>;
}

export async function openHouse({ rules, templates, smtp: options, env }: HouseOptions = {}): Promise<House> {
  const smtp = await startSmtpServer(options ?? {});
  const gateway = await prepareGateway({
    rules: { 'rules.yaml': rules ?? 'rules: []\n' },
    ...(env ? { env } : {}),
  });
  const folder = join(gateway.folder, 'templates');
  gateway.setEnv({ POSTERN_TEMPLATES: folder, ...env });
  for (const [name, files] of Object.entries(templates ?? { news: NEWS }))
    await template(gateway, name, files);
  await gateway.start();
  const added = await gateway.request('POST', '/v1/accounts', accountOn(smtp));
  if (added.status !== 201) throw new Error(JSON.stringify(added.body));
  const get = <T>(path: string): Promise<T> => gateway.get<T>(path);
  const broadcast = (id: string): Promise<BroadcastDetail> => get(`/v1/broadcasts/${id}`);
  return {
    gateway,
    smtp,
    broadcast,
    broadcasts: async (query = '') => (await get<{ data: BroadcastView[] }>(`/v1/broadcasts${query}`)).data,
    digest: (name) => get(`/v1/digests/${encodeURIComponent(name)}`),
    reaches: async (id, state) => {
      // The list says how far it is; one broadcast as a whole is made anew each time that it is looked at.
      await gateway.until(async () => {
        const { data } = await get<{ data: BroadcastView[] }>('/v1/broadcasts');
        return data.some((one) => one.id === id && one.state === state);
      }, LIMIT_MS);
      return broadcast(id);
    },
    [Symbol.asyncDispose]: async () => {
      await gateway[Symbol.asyncDispose]();
      await smtp.stop();
    },
  };
}

export async function template(
  gateway: TestGateway,
  name: string,
  files: Record<string, string>,
): Promise<void> {
  await mkdir(join(gateway.folder, 'templates', name), { recursive: true });
  for (const [file, text] of Object.entries(files))
    await writeFile(join(gateway.folder, 'templates', name, file), text);
}

export const accountOn = (smtp: Pick<TestSmtpServer, 'host' | 'port'>, label = 'sales') => ({
  label,
  address: `${label}@company.example`,
  from: `Sales <${label}@company.example>`,
  imap: { host: '127.0.0.1', port: 1, security: 'none' },
  smtp: { host: smtp.host, port: smtp.port, security: 'none' },
  require_tls: false,
  auth: { type: 'basic', username: label, password: 'not-asked-for' },
  watch: { mode: 'off' },
});

/** What stands in one header of a mail, unfolded; null where it is not there. */
export function header(raw: Buffer, name: string): string | null {
  const [head = ''] = raw.toString('utf8').split('\r\n\r\n', 1);
  const unfolded = head.replace(/\r\n[ \t]+/g, ' ');
  return new RegExp(`^${name}: (.*)$`, 'im').exec(unfolded)?.[1]?.trim() ?? null;
}
