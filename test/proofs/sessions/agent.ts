// The agent of the proof: notes that it was asked, takes a moment, and does what the plan in the subject says.
import { appendFileSync, readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import type { AgentAction, SessionEvent } from '../../../src/contracts/session.ts';

const LONGEST_MS = 200;
const HOUR_MS = 3_600_000;

const { type, timestamp, data } = JSON.parse(readFileSync(0, 'utf8')) as SessionEvent;
const { session, message } = data;
// One short line in one write at the end of the file: lines of agents that run at the same time do not mix.
appendFileSync(process.argv[2] as string, `${JSON.stringify({ session: session.id, turn: session.turn })}\n`);
await pause(Math.random() * LONGEST_MS);
const plan = /^(?:Re: )*Case \d+ (\w+)/.exec(message.subject)?.[1] ?? '';
const isAnswer = /^Re: /.test(message.subject);
const text = `This is of ${session.id} turn ${session.turn}.`;
process.stdout.write(JSON.stringify({ actions: await actionsOf() }));

async function actionsOf(): Promise<AgentAction[]> {
  if (type === 'question.answered' || type === 'draft.rejected') return [{ type: 'reply', text }];
  if (type === 'reply.overdue' || isAnswer) return [{ type: 'done', summary: 'The customer has answered.' }];
  switch (plan) {
    case 'reply':
    case 'cancelled':
    case 'paused':
      return [{ type: 'reply', text }, { type: 'done' }];
    case 'called':
      await reply();
      await pause(Math.random() * LONGEST_MS); // a kill here finds the call done and the turn not ended
      return [];
    case 'asked':
    case 'expired':
      return [{ type: 'ask', question: 'What does it cost?' }];
    case 'waits':
      return [{ type: 'wait', until: new Date(Date.parse(timestamp) + HOUR_MS).toISOString() }];
    case 'fails':
      process.exit(77); // a person has to look: no further attempt
  }
  return [{ type: 'done', summary: 'nothing to do' }];
}

/** The tool of that name, over REST. Where the gateway has been killed meanwhile, nobody listens. */
async function reply(): Promise<void> {
  await fetch(`${session.api}/messages/${message.id}/reply`, {
    method: 'POST',
    headers: { authorization: `Bearer ${session.token}`, 'content-type': 'application/json' },
    body: JSON.stringify({ text }),
  }).catch(() => undefined);
}
