// Broadcasts at the terminal: shown with some of their mails before anybody approves, and approved by the digest of what was
// shown; lists come from a file.
import type { BroadcastDetail, BroadcastSample, BroadcastView } from '../../contracts/broadcast.ts';
import { readCsv } from '../../digests/csv.ts';
import { PosternError } from '../../kernel/errors.ts';
import type { Operation } from '../registry.ts';
import { type Command, call, type Special } from './command.ts';
import { bytesFrom } from './flags.ts';
import { type CliIo, canAsk, EXIT, print, UsageError } from './io.ts';
import { confirm } from './prompt.ts';
import { addressText, showBlock, showJson } from './show.ts';
import { safeLine } from './terminal-text.ts';

const SHOWN_RECIPIENTS = 10;

function showBroadcast(io: CliIo, broadcast: BroadcastDetail): void {
  const { counts } = broadcast;
  const states = Object.entries(counts).filter(([name, count]) => name !== 'total' && count > 0);
  const list = broadcast.recipients.slice(0, SHOWN_RECIPIENTS).map(({ address }) => safeLine(address));
  const head: [string, string][] = [
    ['Broadcast', `${broadcast.id}, ${broadcast.state}`],
    ['Name', safeLine(broadcast.name)],
    ['From', addressText(broadcast.from)],
    ['Template', safeLine(broadcast.template)],
    ['Recipients', `${counts.total}: ${list.join(', ')}${counts.total > list.length ? ', …' : ''}`],
    ...(states.length > 0
      ? [['Progress', states.map(([name, count]) => `${name} ${count}`).join(', ')] as [string, string]]
      : []),
    ...broadcast.reasons.map((reason): [string, string] => ['Why asked', safeLine(reason)]),
    ...(broadcast.error === null ? [] : [['Error', safeLine(broadcast.error)] as [string, string]]),
    ['Digest', broadcast.digest],
  ];
  for (const [name, value] of head) print(io, `${name.padEnd(11)}${value}`);
  for (const [i, sample] of broadcast.samples.entries()) showSample(io, i + 1, sample);
  if (broadcast.state !== 'waiting') return;
  print(io, '');
  print(io, `To send it:     postern broadcast approve ${broadcast.id} --digest ${broadcast.digest}`);
  print(io, `To refuse it:   postern broadcast reject ${broadcast.id} "why"`);
}

function showSample(io: CliIo, number: number, { to, subject, text }: BroadcastSample): void {
  print(io, '');
  print(io, `Sample ${number}, to ${to.map(addressText).join(', ')}: ${safeLine(subject)}`);
  showBlock(io, 'Text', text);
}

export const broadcastShow: Special = { show: showBroadcast };

/** `--list FILE`: a CSV file of this machine. */
export const broadcastCreate: Special = {
  flags: {
    list: { type: 'string', value: 'FILE', help: 'A .csv file with a column `address`, instead of --to.' },
  },
  async prepare(io, values, input) {
    if (typeof values.list !== 'string') return input;
    const text = (await bytesFrom(io, values.list)).toString('utf8');
    return { ...input, to: readCsv(text) };
  },
};

/** `broadcast approve ID [--digest …]`. Without a digest a person is shown the broadcast and asked. */
export function broadcastApprove(approve: Operation, get: Operation): Command {
  return {
    words: ['broadcast', 'approve'],
    summary: 'Let a broadcast leave. At a terminal it is shown first; elsewhere its digest must be named.',
    args: ['ID'],
    flags: {
      digest: { type: 'string', value: 'SHA256', help: 'The digest of the broadcast as you saw it.' },
    },
    async run(io, values, positionals) {
      const [id, ...more] = positionals;
      if (id === undefined || more.length > 0) throw new UsageError('Give the id of one broadcast.');
      const digest = typeof values.digest === 'string' ? values.digest : await askedFor(io, get, id);
      if (digest === null) {
        print(io, 'Not approved.');
        return EXIT.refused;
      }
      const answer = (await call(io, approve, { id, digest })) as BroadcastView;
      if (values.json) showJson(io, answer);
      else
        print(
          io,
          `Approved. It goes to ${answer.counts.total} recipients; postern broadcast show ${safeLine(id)}`,
        );
      return EXIT.ok;
    },
  };
}

async function askedFor(io: CliIo, get: Operation, id: string): Promise<string | null> {
  if (!canAsk(io))
    throw new UsageError('--digest: is needed where nobody can be asked; `postern broadcast show` tells it');
  const broadcast = (await call(io, get, { id })) as BroadcastDetail;
  showBroadcast(io, broadcast);
  if (broadcast.state !== 'waiting')
    throw new PosternError('broadcast_state', `The broadcast ${id} is ${broadcast.state} already.`);
  print(io, '');
  return (await confirm(io, `Send exactly this to ${broadcast.counts.total} recipients?`))
    ? broadcast.digest
    : null;
}
