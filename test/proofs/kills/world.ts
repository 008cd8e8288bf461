// The world of the proof: an IMAP server with three accounts, an SMTP server in the proof's own process, which survives
// every kill and keeps what it took, and a gateway that is not started yet.
import { join } from 'node:path';
import type { AccountView } from '../../../src/contracts/account.ts';
import { DEFAULT_PASSWORD, type Dovecot, startDovecot } from '../../support/dovecot.ts';
import { prepareGateway, type TestGateway } from '../../support/gateway.ts';
import { type ReceivedMail, startSmtpServer, type TestSmtpServer } from '../../support/smtp-server.ts';
import type { Random } from '../random.ts';
import {
  AUTHSERV_ID,
  AUTOMATIC_USER,
  MAILBOXES,
  OLD,
  oldMail,
  rulesFile,
  USERS,
  type User,
} from './mails.ts';

const SLOWEST_ANSWER_MS = 60; // so that kills also strike while a mail is taken and not yet confirmed

export interface World {
  dovecot: Dovecot;
  smtp: TestSmtpServer;
  gateway: TestGateway;
  /** Where the agents note each time they are asked: JSON lines. */
  agentLog: string;
  accounts: Map<User, AccountView>;
  /** Fulfils when the SMTP server has read the next mail whole and has not answered yet. */
  nextMailRead(): Promise<ReceivedMail>;
  end(): Promise<void>;
}

export async function makeWorld(random: Random): Promise<World> {
  const waiting: ((mail: ReceivedMail) => void)[] = [];
  const dovecot = await startDovecot({
    users: Object.fromEntries(USERS.map((user) => [user, DEFAULT_PASSWORD])),
  });
  for (const user of USERS)
    for (const mailbox of MAILBOXES)
      await dovecot.deliver(user, oldMail(user, mailbox), mailbox, { flags: [OLD] });
  const smtp = await startSmtpServer({
    beforeAnswer: async (mail) => {
      for (const heard of waiting.splice(0)) heard(mail);
      await new Promise((resolve) => setTimeout(resolve, random.between(0, SLOWEST_ANSWER_MS)));
    },
  });
  const gateway = await prepareGateway();
  const agentLog = join(gateway.folder, 'agent.log');
  await gateway.rules('rules.yaml', rulesFile(agentLog));
  return {
    dovecot,
    smtp,
    gateway,
    agentLog,
    accounts: new Map(),
    nextMailRead: () => new Promise((resolve) => waiting.push(resolve)),
    end: async () => {
      await gateway[Symbol.asyncDispose]();
      await smtp.stop();
      await dovecot.stop();
    },
  };
}

/** Adds the accounts to a gateway that runs, and waits until each mailbox is watched. */
export async function addAccounts({ gateway, dovecot, smtp, accounts }: World): Promise<void> {
  for (const user of USERS) {
    const account = await gateway.addAccount({
      label: user,
      address: `${user}@company.example`,
      imap: { host: dovecot.host, port: dovecot.imapsPort, security: 'tls', ca: dovecot.ca },
      smtp: { host: smtp.host, port: smtp.port, security: 'none' },
      require_tls: false,
      auth: { type: 'basic', username: user, password: DEFAULT_PASSWORD },
      watch: { mailboxes: [...MAILBOXES] },
      ...(user === AUTOMATIC_USER ? { authserv_id: AUTHSERV_ID } : {}),
    });
    accounts.set(user, account);
  }
}
