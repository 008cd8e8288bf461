// What a person can type in the sandbox. Each command waits until its step is possible, so that lines from a pipe work
// as lines from a keyboard do.
import type { DraftEdit, DraftView } from '../contracts/draft.ts';
import type { SessionView } from '../contracts/session.ts';
import { PosternError } from '../kernel/errors.ts';
import { writeAgain } from './customer.ts';
import type { ShownInbox } from './customer-inbox.ts';
import type { Follower } from './follower.ts';
import { isSettled } from './follower.ts';
import type { GatewayClient } from './gateway-client.ts';
import type { MailWorld } from './mail-world.ts';
import { showDraft } from './narration.ts';
import type { Terminal } from './terminal.ts';

export interface Stage {
  terminal: Terminal;
  client: GatewayClient;
  follower: Follower;
  world: MailWorld;
  inbox: ShownInbox;
}

interface Command {
  usage: string;
  help: string;
  run(stage: Stage, words: string): Promise<void>;
}

const commands: Record<string, Command> = {
  approve: {
    usage: 'approve',
    help: 'send the draft, exactly as shown',
    async run({ client, ...stage }) {
      const draft = await waitingDraft(stage);
      await client.post(`/v1/drafts/${draft.id}/approve`, { digest: draft.digest });
    },
  },
  show: {
    usage: 'show',
    help: 'show the draft that waits',
    async run(stage) {
      stage.terminal.print(showDraft(await waitingDraft(stage)));
    },
  },
  edit: {
    usage: 'edit <old> => <new>',
    help: 'change words in the draft; without "=>" the whole text is replaced',
    async run({ client, ...stage }, words) {
      if (!words) throw usage('edit');
      const draft = await waitingDraft(stage);
      await client.post(`/v1/drafts/${draft.id}/edit`, { ...editOf(draft, words), version: draft.version });
    },
  },
  reject: {
    usage: 'reject <why>',
    help: 'do not send it; with a reason the agent is asked again ("give 5 % discount")',
    async run({ client, ...stage }, words) {
      const draft = await waitingDraft(stage);
      await client.post(`/v1/drafts/${draft.id}/reject`, words ? { feedback: words } : {});
    },
  },
  answer: {
    usage: 'answer <text>',
    help: 'answer the question of an agent',
    async run({ client, ...stage }, words) {
      if (!words) throw usage('answer');
      const session = await askingSession(stage);
      await client.post(`/v1/sessions/${session.id}/answer`, { text: words });
    },
  },
  write: {
    usage: 'write <text>',
    help: 'the customer writes again ("write 3 lamps and 12 chairs")',
    async run({ world, follower }, words) {
      if (!words) throw usage('write');
      const before = follower.now.messages.length;
      await writeAgain(world, words);
      await follower.until('the mail in the ledger', (now) => now.messages.length > before || undefined);
    },
  },
  help: {
    usage: 'help',
    help: 'these lines',
    async run({ terminal }) {
      terminal.print(commandHelp());
    },
  },
  quit: { usage: 'quit', help: 'end the sandbox; nothing of it stays', run: async () => undefined },
};

/** The list of commands, one a line. */
export function commandHelp(): string {
  const all = Object.values(commands);
  const width = Math.max(...all.map(({ usage: words }) => words.length));
  return all.map(({ usage: words, help }) => `  ${words.padEnd(width)}  ${help}`).join('\n');
}

/**
 * Runs commands until `quit` or the end of the input. What the gateway refuses is said and does not end the sandbox.
 * Returns how many commands were refused.
 */
export async function runCommands(stage: Stage): Promise<number> {
  let refused = 0;
  for (let line = await stage.terminal.nextLine(); line !== null; line = await stage.terminal.nextLine()) {
    const [word = '', ...rest] = line.trim().split(/\s+/);
    if (!word) continue;
    if (!stage.terminal.interactive) {
      await turnOfThePerson(stage);
      stage.terminal.print(`> ${line.trim()}`, 'bold');
    }
    if (word === 'quit' || word === 'exit') break;
    try {
      const command = Object.hasOwn(commands, word) ? commands[word] : undefined;
      if (!command)
        throw new PosternError('usage', `There is no command ${word}. Type help for all of them.`);
      await command.run(stage, rest.join(' '));
    } catch (error) {
      if (!isRefusal(error)) throw error;
      refused += 1;
      stage.terminal.print([error.message, error.hint].filter(Boolean).join(' '), 'red');
    }
  }
  return refused;
}

function isRefusal(error: unknown): error is PosternError {
  return error instanceof PosternError && error.code !== 'sandbox_stuck' && error.code !== 'interrupted';
}

/** Lines from a pipe are there at once: each waits until nothing happens any more without a person. */
export async function turnOfThePerson({ follower, world, inbox }: Stage): Promise<void> {
  await follower.until('the end of what is under way', (now) => isSettled(now, mailsFor(world)) || undefined);
  await inbox.shown();
}

/** The draft to decide about: the newest. Waits while one may still come. @throws PosternError `nothing_waits` */
function waitingDraft({ follower, world }: Pick<Stage, 'follower' | 'world'>): Promise<DraftView> {
  return follower.until('a draft that waits', (now) => {
    const draft = now.drafts.findLast(({ state }) => state === 'waiting');
    if (draft) return draft;
    if (!isSettled(now, mailsFor(world))) return undefined;
    throw new PosternError(
      'nothing_waits',
      'No draft waits. Type write <text> for another mail of the customer.',
    );
  });
}

function askingSession({ follower, world }: Pick<Stage, 'follower' | 'world'>): Promise<SessionView> {
  return follower.until('a question of an agent', (now) => {
    const session = now.sessions.findLast(({ state }) => state === 'waiting-for-answer');
    if (session) return session;
    if (!isSettled(now, mailsFor(world))) return undefined;
    throw new PosternError('nothing_waits', 'No agent has asked anything.');
  });
}

/** How many mails Postern has to see. */
const mailsFor = (world: MailWorld): number => world.sales.list('INBOX').length;

/** `old => new` changes those words wherever they stand; anything else is the new text, and the HTML goes. */
function editOf(draft: DraftView, words: string): DraftEdit {
  const arrow = words.indexOf('=>');
  if (arrow < 0) return { text: `${words}\n`, html: null };
  const [was, becomes] = [words.slice(0, arrow).trim(), words.slice(arrow + 2).trim()];
  if (!was || ![draft.subject, draft.text].some((text) => text.includes(was))) {
    throw new PosternError('usage', `"${was}" does not stand in the draft.`);
  }
  return {
    subject: draft.subject.replaceAll(was, () => becomes),
    text: draft.text.replaceAll(was, () => becomes),
    html: draft.html === null ? null : draft.html.replaceAll(was, () => becomes),
  };
}

function usage(name: string): PosternError {
  return new PosternError('usage', `Write: ${commands[name]?.usage ?? name}`);
}
