// The agent of the proof: notes that it was asked, takes a moment, and answers with a reply that names what it answers.
import { appendFileSync, readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import type { SessionEvent } from '../../../src/contracts/session.ts';

const LONGEST_MS = 150;

const { data } = JSON.parse(readFileSync(0, 'utf8')) as SessionEvent;
const { session, message, rule } = data;
const note = { session: session.id, turn: session.turn, message: message.id, rule, agent: session.agent };
// One short line in one write at the end of the file: lines of agents that run at the same time do not mix.
appendFileSync(process.argv[2] as string, `${JSON.stringify(note)}\n`);
await pause(Math.random() * LONGEST_MS);
const text = `This answers ${session.id} turn ${session.turn} about ${message.id}.`;
process.stdout.write(JSON.stringify({ actions: [{ type: 'reply', text }] }));
