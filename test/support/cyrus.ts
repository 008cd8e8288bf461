// A second real IMAP server for tests: a Cyrus of its own in a temporary folder. It takes every user with any password
// and makes the user's mailboxes at the first sign-in; paths look as Dovecot's do.
import { execFile } from 'node:child_process';
import { chmod, chown, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { ImapClient } from './imap-client.ts';
import { freePorts } from './ports.ts';
import { type ServerProcess, startProcess } from './process.ts';
import { cyrusHome } from './services.ts';

const run = promisify(execFile);
const START_ATTEMPTS = 5; // each with a new port, for the case that another process takes it first
const SPECIAL = ['Drafts', 'Sent', 'Trash', 'Junk', 'Archive'];
/** As root, Cyrus gives its rights up for this user. */
const OWNER = process.getuid?.() === 0 ? 'mail' : userInfo().username;

export class Cyrus {
  readonly host = '127.0.0.1';
  /** Without TLS. */
  readonly imapPort: number;
  readonly #folder: string;
  readonly #server: ServerProcess;

  constructor(folder: string, port: number, server: ServerProcess) {
    this.#folder = folder;
    this.imapPort = port;
    this.#server = server;
  }

  log(): string {
    return this.#server.output();
  }

  /** A signed-in connection of the test's own. */
  client(user: string): Promise<ImapClient> {
    return ImapClient.open(this.imapPort, user, 'any password');
  }

  async stop(): Promise<void> {
    await this.#server.stop();
    await rm(this.#folder, { recursive: true, force: true, maxRetries: 5 });
  }
}

/** Takes about half a second. End it with `stop`; if the test process dies, it ends by itself. */
export async function startCyrus(): Promise<Cyrus> {
  const home = cyrusHome();
  if (home === undefined) throw new Error('Cyrus is not unpacked: run scripts/test-services');
  const folder = await mkdtemp(join(tmpdir(), 'postern-cyrus-'));
  await chmod(folder, 0o755);
  for (const name of ['db', 'proc', 'lock', 'socket', 'msg', 'log', 'quota', 'user', 'ptclient'])
    await mkdir(join(folder, 'conf', name), { recursive: true });
  await mkdir(join(folder, 'spool'));
  await own(folder);
  const triplets = (await readdir(join(home, 'usr/lib'))).filter((name) => name.endsWith('-linux-gnu'));
  const libraries = triplets.flatMap((name) => [join(home, 'usr/lib', name), join(home, 'lib', name)]);
  const env = {
    PATH: process.env.PATH ?? '',
    LD_LIBRARY_PATH: libraries.join(':'),
    SASL_PATH: libraries.map((name) => join(name, 'sasl2')).join(':'),
    CYRUS_USER: OWNER,
  };
  try {
    for (let attempt = 1; ; attempt++) {
      const [port = 0] = await freePorts(1);
      await writeFile(join(folder, 'imapd.conf'), imapdConfig(folder));
      await writeFile(join(folder, 'cyrus.conf'), masterConfig(home, folder, port));
      const args = ['-D', '-C', join(folder, 'imapd.conf'), '-M', join(folder, 'cyrus.conf')];
      try {
        const server = await startProcess(
          join(home, 'usr/lib/cyrus/bin/master'),
          [...args, '-p', join(folder, 'master.pid')],
          { readyPort: port, env },
        );
        return new Cyrus(folder, port, server);
      } catch (error) {
        if (attempt >= START_ATTEMPTS) throw error;
      }
    }
  } catch (error) {
    await rm(folder, { recursive: true, force: true });
    throw error;
  }
}

async function own(folder: string): Promise<void> {
  if (process.getuid?.() !== 0) return;
  const uid = Number((await run('id', ['-u', OWNER])).stdout);
  for (const name of ['', ...(await readdir(folder, { recursive: true }))])
    await chown(join(folder, name), uid, -1);
}

const imapdConfig = (folder: string): string => `
configdirectory: ${folder}/conf
defaultpartition: default
partition-default: ${folder}/spool
proc_path: ${folder}/conf/proc
mboxname_lockpath: ${folder}/conf/lock
idlesocket: ${folder}/conf/socket/idle
notifysocket: ${folder}/conf/socket/notify
lmtpsocket: ${folder}/conf/socket/lmtp
cyrus_user: ${OWNER}
altnamespace: yes
unixhierarchysep: yes
virtdomains: off
conversations: no
allowplaintext: yes
sasl_pwcheck_method: alwaystrue
sasl_mech_list: PLAIN LOGIN
munge8bit: no
autocreate_quota: 0
autocreate_users: anyone
autocreate_inbox_folders: ${SPECIAL.join('|')}
autocreate_subscribe_folders: ${SPECIAL.join('|')}
specialusealways: yes
${SPECIAL.map((name) => `xlist-${name.toLowerCase()}: ${name}`).join('\n')}
`;

const masterConfig = (home: string, folder: string, port: number): string => `
START {
  recover cmd="${home}/usr/lib/cyrus/bin/ctl_cyrusdb -C ${folder}/imapd.conf -r"
}
SERVICES {
  imap cmd="${home}/usr/lib/cyrus/bin/imapd -C ${folder}/imapd.conf" listen="127.0.0.1:${port}" prefork=1
}
EVENTS {
}
`;
