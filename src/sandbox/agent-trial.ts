// `postern agent try`: an agent of the operator's run on a mail, as it would be, and nothing leaves. A gateway of its own,
// on a folder that is thrown away, watches a mailbox in this process, and what it sends ends in this process.
import { Readable } from 'node:stream';
import type { TrialRequest } from '../api/cli/trial-request.ts';
import type { AccountInput } from '../contracts/account.ts';
import type { DraftView } from '../contracts/draft.ts';
import type { SessionView, TurnView } from '../contracts/session.ts';
import type { SessionRecord } from '../contracts/session-record.ts';
import { durationMs } from '../kernel/duration.ts';
import { parseMail } from '../mail/parse.ts';
import { type CatchAll, startCatchAll } from './catch-all.ts';
import { Follower, isSettled, type Snapshot } from './follower.ts';
import { startGateway } from './gateway.ts';
import { GatewayClient } from './gateway-client.ts';
import { type MailboxServer, startMailboxServer } from './mailbox-server.ts';
import { Terminal } from './terminal.ts';
import { type TrialRules, trialRules } from './trial-rules.ts';
import { draftInWords, endInWords, recordInWords } from './trial-words.ts';

const DEFAULT_TIME = '5m'; // of limits.time
const SPARE_MS = 60_000; // to start, to decide and to write, beside the agent's own time
const AUTHSERV_ID = 'trial.invalid'; // a name that nobody has (RFC 6761)
const RECORD_PAGE = 1000;

export type TrialOptions = Omit<TrialRequest, 'json'> & { templatesDir: string };

export interface TrialResult {
  session: SessionView | null;
  /** Why no session started, where none did. */
  held: string | null;
  record: SessionRecord[];
  drafts: DraftView[];
  /** What left by itself, as it was taken by the server. */
  sent: { from: string; to: string[]; raw: string }[];
}

/**
 * @param tell is told of what happens while it happens
 * @throws PosternError for an agent that there is not, or rules that are invalid
 */
export async function tryAgent(
  options: TrialOptions,
  tell: (part: string, text: string, bad?: boolean) => void,
  signal: AbortSignal,
): Promise<TrialResult> {
  const rules = await trialRules(options.rulesDir, options.agent);
  const { from, address } = await whoWrites(options);
  await using stack = new AsyncDisposableStack();
  const owner = { name: 'Trial', address, password: 'trial' };
  const mailbox = await startMailboxServer(owner, rules.mailboxes);
  stack.defer(() => mailbox.stop());
  const smtp = await startCatchAll();
  stack.defer(() => smtp.stop());
  const { files } = rules;
  const { app, folder, stop } = await startGateway(options.keep, { files, templates: options.templatesDir });
  stack.defer(stop);
  if (options.keep) tell('postern', `The data of this trial stays in ${folder}.`);
  const client = new GatewayClient(app.url, app.adminToken);
  stack.defer(() => client.close());
  const trial = new Trial(client, rules, tell, signal);
  await trial.watch(mailbox, smtp);
  for (const [at, mail] of options.mails.entries()) {
    mailbox.store('INBOX', options.isAsserted ? vouchedFor(mail, from) : mail);
    await trial.settled(at + 1);
    await trial.decide(options);
  }
  return trial.result(smtp);
}

async function whoWrites({ mails, address }: TrialOptions): Promise<{ from: string; address: string }> {
  const [first = Buffer.alloc(0)] = mails;
  const { metadata } = await parseMail(first, { keepContent: false });
  const to = [...metadata.to, ...metadata.cc].map((one) => one.address);
  const from = metadata.from?.address ?? '';
  const other = to.find((one) => one.toLowerCase() !== from.toLowerCase());
  return { from, address: address ?? other ?? 'trial@trial.example' };
}

/** As the receiving server writes it above the mail (RFC 8601). */
function vouchedFor(mail: Buffer, from: string): Buffer {
  const domain = from.slice(from.lastIndexOf('@') + 1).replace(/[^\w.-]/g, '');
  const line = `Authentication-Results: ${AUTHSERV_ID}; dmarc=pass header.from=${domain}\r\n`;
  return Buffer.concat([Buffer.from(line), mail]);
}

class Trial {
  readonly #client: GatewayClient;
  readonly #follower: Follower;
  readonly #limitMs: number;
  readonly #tell: (part: string, text: string, bad?: boolean) => void;
  #record: SessionRecord[] = [];
  readonly #logs = new Map<string, string>();
  #mails = 0;

  constructor(
    client: GatewayClient,
    { time }: TrialRules,
    tell: (part: string, text: string, bad?: boolean) => void,
    signal: AbortSignal,
  ) {
    this.#client = client;
    this.#tell = tell;
    this.#follower = new Follower(client, () => undefined, signal);
    this.#limitMs = durationMs(time ?? DEFAULT_TIME) + SPARE_MS;
  }

  async watch(mailbox: MailboxServer, smtp: CatchAll): Promise<void> {
    await this.#follower.start();
    const { owner, host, port } = mailbox;
    const input = {
      label: 'trial',
      address: owner.address,
      imap: { host, port, security: 'none' },
      smtp: { host: smtp.host, port: smtp.port, security: 'none' },
      require_tls: false, // loopback, in one process
      auth: { type: 'basic', username: owner.address, password: owner.password },
      authserv_id: AUTHSERV_ID,
    } satisfies Partial<AccountInput>;
    const { id } = await this.#client.post<{ id: string }>('/v1/accounts', input);
    await this.#follower.until('a watched inbox', ({ accounts }) =>
      accounts.find((one) => one.id === id && one.status.state === 'idle'),
    );
  }

  /** Waits until nothing more happens by itself, or the agent has failed, and tells what happened meanwhile. */
  async settled(mails = this.#mails): Promise<void> {
    this.#mails = mails;
    const endsAt = Date.now() + this.#limitMs;
    for (;;) {
      const now = await this.#follower.until('the agent’s answer', (one) => one, this.#limitMs);
      await this.#tellNew(now);
      if (isSettled(now, mails) || this.#hasFailed()) return;
      if (Date.now() > endsAt) {
        this.#tell('trial', 'The agent needs longer than it may: the trial ends here.', true);
        return;
      }
      await this.#follower.changed(LOOK_AGAIN_MS);
    }
  }

  /** What a person does who was given answers and feedback for it: one after the other, as long as there are some. */
  async decide({ answers, feedback }: Pick<TrialOptions, 'answers' | 'feedback'>): Promise<void> {
    for (;;) {
      const { sessions, drafts } = this.#follower.now;
      const asking = sessions.find(({ state }) => state === 'waiting-for-answer');
      const waiting = drafts.find(({ state, session_id: id }) => state === 'waiting' && id !== null);
      if (asking && answers.length > 0) {
        const text = answers.shift() ?? '';
        this.#tell('person', `answers: ${text}`);
        await this.#client.post(`/v1/sessions/${asking.id}/answer`, { text });
      } else if (waiting && feedback.length > 0) {
        const text = feedback.shift() ?? '';
        this.#tell('person', `rejects the draft: ${text}`);
        await this.#client.post(`/v1/drafts/${waiting.id}/reject`, { feedback: text });
      } else return;
      await this.settled();
    }
  }

  async result(smtp: CatchAll): Promise<TrialResult> {
    const { sessions, drafts, messages } = this.#follower.now;
    const held = messages.flatMap(({ decisions }) => decisions.map(({ suppressed }) => suppressed));
    return {
      session: sessions.at(-1) ?? null,
      held: sessions.length > 0 ? null : (held.find((reason) => reason !== null) ?? null),
      record: this.#record,
      drafts: [...drafts],
      sent: smtp.caught.map(({ from, to, raw }) => ({ from, to, raw: raw.toString('utf8') })),
    };
  }

  async #tellNew({ sessions }: Snapshot): Promise<void> {
    const all: SessionRecord[] = [];
    for (const { id } of sessions) {
      await this.#tellLogs(id);
      all.push(...(await this.#client.list<SessionRecord>(`/v1/sessions/${id}/record?limit=${RECORD_PAGE}`)));
    }
    const known = new Set(this.#record.map(({ id }) => id));
    for (const entry of all)
      if (!known.has(entry.id))
        this.#tell(entry.kind, recordInWords(entry), entry.kind === 'refused' || entry.kind === 'failed');
    this.#record = all;
  }

  /** What the agent says on stderr is for whoever writes it. */
  async #tellLogs(sessionId: string): Promise<void> {
    const { history } = await this.#client.get<{ history: TurnView[] }>(`/v1/sessions/${sessionId}`);
    for (const { id, log } of history) {
      if (log === null || this.#logs.get(id) === log) continue;
      this.#logs.set(id, log);
      this.#tell('stderr', log.trimEnd());
    }
  }

  /** A failed attempt would be tried again later: whoever tries an agent wants to know now. */
  #hasFailed(): boolean {
    return this.#record.some(({ kind }) => kind === 'failed');
  }
}

const LOOK_AGAIN_MS = 1000; // some entries of the record come without an event

/** The command: runs the trial and shows it. Returns the exit code: 1 where no session started, or it failed. */
export async function runTrial({ json, ...request }: TrialRequest, templatesDir: string): Promise<number> {
  const terminal = new Terminal(Readable.from([]), process.stdout); // stdin may be the mail
  const interrupt = (): void => terminal.interrupt();
  process.once('SIGINT', interrupt);
  process.once('SIGTERM', interrupt);
  const tell = (part: string, text: string, bad = false): void => {
    if (!json) terminal.step(part, text, bad ? 'red' : 'cyan');
  };
  const result = await tryAgent({ ...request, templatesDir }, tell, terminal.interrupted);
  const isWell = result.session !== null && !result.record.some(({ kind }) => kind === 'failed');
  if (json) {
    process.stdout.write(`${JSON.stringify(result, null, 2)}\n`);
    return isWell ? 0 : 1;
  }
  for (const [at, draft] of result.drafts.entries())
    terminal.print(`\nDraft ${at + 1}\n${draftInWords(draft)}`);
  terminal.print(
    result.session
      ? `\n${endInWords(result.session)}`
      : `\nThe mail woke no agent: ${result.held ?? 'no rule took it'}.`,
  );
  terminal.print('Nothing has left this machine.');
  return isWell ? 0 : 1;
}
