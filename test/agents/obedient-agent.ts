// The obedient agent as a program: an event on stdin, an answer on stdout, and a report of all that it saw and tried in the
// folder that the test names.
import { spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import type { SessionEvent } from '../../src/contracts/session.ts';
import { obey } from './obedience.ts';

const reports = process.env.OBEDIENT_REPORTS ?? '.';
const event = JSON.parse(await text(process.stdin)) as SessionEvent;
const { session, message } = event.data;

/** A child in a process group of its own, which the gateway does not end: it uses the token when the turn is over. */
function stay(): void {
  const later = `const t = setInterval(async () => {
      const { status } = await fetch(process.env.POSTERN_API + '/messages', { headers: { authorization: 'Bearer ' + process.env.POSTERN_TOKEN } });
      require('node:fs').writeFileSync(process.argv[1], String(status));
      if (status === 401) clearInterval(t);
    }, 100);
    setTimeout(() => process.exit(), 20000);`;
  const said = join(reports, `${session.id}.stayed`);
  const child = spawn(process.execPath, ['-e', later, said], { detached: true, stdio: 'ignore' });
  child.unref();
  writeFileSync(join(reports, `${session.id}.pid`), String(child.pid));
}

const files = message.attachments.flatMap(({ path, filename }) =>
  path === undefined ? [] : [filename, readFileSync(path, 'utf8')],
);
const { actions, report } = await obey(event, { door: 'rest', files, environment: process.env, stay });
writeFileSync(join(reports, `${session.id}-${session.turn}.json`), JSON.stringify(report));
console.log(JSON.stringify({ actions }));
