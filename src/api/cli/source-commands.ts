// `postern source stream`: the events of a source on the standard output, a line each, for a pipe.
import { once } from 'node:events';
import { type SourceEvent, sourceEvent } from '../../contracts/source.ts';
import type { Operation } from '../registry.ts';
import { GatewayClient } from './client.ts';
import type { Command } from './command.ts';
import { complain, EXIT, UsageError } from './io.ts';
import { safeLine } from './terminal-text.ts';

const ACKNOWLEDGE_EVERY = 50; // one call for as many lines

const QUERY = [
  ...['content', 'max-body-bytes', 'max-in-flight', 'follow'],
  ...['include-attachments', 'attachment-retention-days', 'journal'],
];

function mailboxOf(event: Extract<SourceEvent, { position: string }>): string {
  if (event.type === 'message') return event.message.mailbox;
  return event.type === 'event' ? event.event.data.mailbox : event.mailbox;
}

export function sourceStream(acknowledge: Operation): Command {
  return {
    words: ['source', 'stream'],
    summary: 'Print what comes after the cursors of a consumer, one JSON event in each line, as it comes.',
    args: ['CONSUMER'],
    flags: {
      content: { type: 'string', value: 'metadata|text|raw|event', help: 'What of each message.' },
      'max-body-bytes': { type: 'string', value: 'N', help: 'Of each text part, or of the raw message.' },
      'include-attachments': {
        type: 'boolean',
        help: 'Of events: hashes of all parts, and attachments as base64.',
      },
      'attachment-retention-days': {
        type: 'string',
        value: 'N',
        help: 'Of events: attachments are kept for so long, to be downloaded.',
      },
      journal: { type: 'boolean', help: 'Of events: reports of a journal are opened.' },
      'max-in-flight': { type: 'string', value: 'N', help: 'Unacknowledged messages at which it waits.' },
      follow: { type: 'boolean', help: 'Or --no-follow: ends when everything was printed.' },
      acknowledge: {
        type: 'boolean',
        help: 'Acknowledge what was printed. What reads the lines may still lose them: better it does so itself.',
      },
    },
    async run(io, values, positionals) {
      const [consumer, ...more] = positionals;
      if (consumer === undefined || more.length > 0) throw new UsageError('Give one consumer: id or name.');
      const query = new URLSearchParams();
      for (const name of QUERY)
        if (values[name] !== undefined) query.set(name.replaceAll('-', '_'), String(values[name]));
      const client = new GatewayClient(io.settings);
      const printed = new Map<string, string>();
      let count = 0;
      const confirm = async (): Promise<void> => {
        if (values.acknowledge && printed.size > 0)
          await client.call(acknowledge, { consumer, positions: [...printed.values()] });
        printed.clear();
        count = 0;
      };
      let last: SourceEvent | undefined;
      for await (const line of client.lines(`/v1/sources/${encodeURIComponent(consumer)}/stream?${query}`)) {
        const event = sourceEvent.parse(JSON.parse(line));
        last = event;
        if (event.type === 'keep_alive') continue;
        if (!io.stdout.write(`${line}\n`)) await once(io.stdout, 'drain');
        if ('position' in event) {
          // The latest of a mailbox stands for those before it.
          printed.set(mailboxOf(event), event.position);
          count++;
        }
        if (count >= ACKNOWLEDGE_EVERY || event.type === 'caught_up') await confirm();
      }
      await confirm();
      if (last?.type === 'end' && last.code === 'caught_up') return EXIT.ok;
      complain(
        io,
        last?.type === 'end' ? `${safeLine(last.detail)} (${safeLine(last.code)})` : 'The stream broke off.',
      );
      return EXIT.refused;
    },
  };
}
