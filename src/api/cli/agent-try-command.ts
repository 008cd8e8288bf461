// `postern agent try`: an agent run on a mail, with a gateway of its own and nothing that leaves. Only what was asked for is
// read here: main.ts knows who runs it.
import type { Command } from './command.ts';
import { bytesFrom, type Values } from './flags.ts';
import { EXIT, UsageError } from './io.ts';

const MOST_STEPS = 50; // mails, answers and feedback together

export const agentTry: Command = {
  words: ['agent', 'try'],
  summary: 'Run an agent on a mail, and show what it calls and what is refused. Nothing leaves.',
  args: ['AGENT'],
  flags: {
    message: {
      type: 'string',
      multiple: true,
      value: 'FILE',
      help: 'The mail, or - for stdin. Several come one after the other.',
    },
    answer: {
      type: 'string',
      multiple: true,
      value: 'TEXT',
      help: 'What a person answers when the agent asks.',
    },
    feedback: {
      type: 'string',
      multiple: true,
      value: 'TEXT',
      help: 'A person rejects the draft, and says this.',
    },
    rules: {
      type: 'string',
      value: 'DIR',
      help: 'The rules folder that names the agent, instead of that in force.',
    },
    address: {
      type: 'string',
      value: 'ADDRESS',
      help: 'Of the mailbox; where absent, to whom the mail is written.',
    },
    asserted: { type: 'boolean', help: 'A server vouches for the sender, as it does for most real mail.' },
    keep: { type: 'boolean', help: 'Leave the data of the trial behind.' },
  },
  async run(io, values, [agent, ...more]) {
    const [files, answers, feedback] = [values.message, values.answer, values.feedback].map(listOf);
    if (agent === undefined || more.length > 0 || !files?.length || !answers || !feedback)
      throw new UsageError('Name one agent, and a mail by --message FILE (- is stdin).');
    if (files.length + answers.length + feedback.length > MOST_STEPS)
      throw new UsageError(`A trial takes at most ${MOST_STEPS} mails, answers and feedback.`);
    const mails: Buffer[] = [];
    for (const file of files) mails.push(await bytesFrom(io, file));
    if (!io.tryAgent) return EXIT.refused; // only main.ts has what it takes
    const rulesDir = textOf(values, 'rules') ?? io.settings.rulesDir;
    const address = textOf(values, 'address') ?? null;
    const flags = {
      isAsserted: isSet(values, 'asserted'),
      keep: isSet(values, 'keep'),
      json: isSet(values, 'json'),
    };
    return io.tryAgent({ agent, mails, answers, feedback, rulesDir, address, ...flags });
  },
};

const listOf = (value: Values[string]): string[] => (Array.isArray(value) ? value : []);
const isSet = (values: Values, name: string): boolean => values[name] === true;
const textOf = (values: Values, name: string): string | undefined => {
  const value = values[name];
  return typeof value === 'string' ? value : undefined;
};
