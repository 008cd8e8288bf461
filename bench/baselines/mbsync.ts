// Baseline: mbsync, from its start until it has every mail as a file of its own, flushed as its defaults have it.
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { taskOf, tellDuration } from '../child.ts';
import type { FetchTask } from './imap.ts';

const { port, user, password } = taskOf<FetchTask>();
const folder = await mkdtemp(join(tmpdir(), 'postern-mbsync-'));
const inbox = join(folder, 'INBOX');
const config = `IMAPAccount bench
Host 127.0.0.1
Port ${port}
User ${user}
Pass "${password}"
SSLType None
AuthMechs LOGIN

IMAPStore far
Account bench

MaildirStore near
Path ${folder}/
Inbox ${inbox}

Channel all
Far :far:
Near :near:
Sync Pull
Create Near
SyncState *
`;
try {
  await writeFile(join(folder, 'mbsyncrc'), config, { mode: 0o600 });
  await mkdir(inbox, { recursive: true });
  for (const name of ['cur', 'new', 'tmp']) await mkdir(join(inbox, name));
  await tellDuration(async () => {
    await promisify(execFile)('mbsync', ['-q', '-c', join(folder, 'mbsyncrc'), 'all']);
    return (await readdir(join(inbox, 'new'))).length + (await readdir(join(inbox, 'cur'))).length;
  });
} finally {
  await rm(folder, { recursive: true, force: true });
}
