// The command line against a running gateway, with terminals that are played.
import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { after, before, describe, it } from 'node:test';
import { runCli } from '../../src/api/cli/cli.ts';
import type { CliIo, CliSettings } from '../../src/api/cli/io.ts';
import type { AccountView } from '../../src/contracts/account.ts';
import { ADMIN_TOKEN, accountBody, draft, startGateway, type TestGateway } from './support.ts';

let gateway: TestGateway;
before(async () => {
  gateway = await startGateway();
});
after(() => gateway.close());

interface Ran {
  code: number;
  out: string;
  err: string;
}

interface Terminal {
  stdin?: string | Buffer;
  /** A person sits there; `answers` is typed when the text before it was printed. */
  answers?: [after: string, typed: string][];
  settings?: Partial<CliSettings>;
}

/** Runs a command as a person (with `answers`) or as a script. */
async function postern(argv: string[], { stdin, answers, settings }: Terminal = {}): Promise<Ran> {
  const streams = { in: new PassThrough(), out: new PassThrough(), err: new PassThrough() };
  let out = '';
  let err = '';
  const waiting = [...(answers ?? [])];
  streams.out.on('data', (chunk: Buffer) => {
    out += chunk.toString('utf8');
    const next = waiting[0];
    if (next && out.includes(next[0])) {
      waiting.shift();
      streams.in.write(next[1]);
    }
  });
  streams.err.on('data', (chunk: Buffer) => {
    err += chunk.toString('utf8');
  });
  if (answers === undefined) streams.in.end(stdin ?? '');
  const isTTY = answers !== undefined;
  const io: CliIo = {
    stdin: Object.assign(streams.in, { isTTY, setRawMode: () => undefined }),
    stdout: Object.assign(streams.out, { isTTY }),
    stderr: streams.err,
    settings: {
      url: gateway.url,
      adminToken: ADMIN_TOKEN,
      tokenFile: join(gateway.folder, 'admin-token'),
      rulesDir: gateway.folder,
      ...settings,
    },
  };
  const code = await runCli(argv, io);
  await new Promise((resolve) => setImmediate(resolve));
  return { code, out, err };
}

const digest = draft().digest;

describe('accounts', () => {
  const friendly = ['--label', 'sales', '--address', 'sales@company.example'];
  const servers = ['--imap', 'mail.company.example', '--smtp', 'mail.company.example:587'];

  it('are added as a person says it, with the password from stdin, and never show it', async () => {
    const added = await postern(['account', 'add', ...friendly, ...servers, '--password-stdin', '--json'], {
      stdin: 'canary-password\n',
    });
    assert.equal(added.code, 0, added.err);
    const account = JSON.parse(added.out) as AccountView;
    assert.deepEqual(account.imap, { host: 'mail.company.example', port: 993, security: 'tls' });
    assert.deepEqual(account.smtp, { host: 'mail.company.example', port: 587, security: 'starttls' });
    assert.equal(account.auth.username, 'sales@company.example');
    const kept = await gateway.rooms.accounts.find('sales');
    assert.deepEqual(await gateway.rooms.accounts.credentials(kept), {
      type: 'basic',
      username: 'sales@company.example',
      password: 'canary-password',
    });

    const shown = await postern(['account', 'show', 'sales']);
    assert.ok(!(added.out + added.err + shown.out).includes('canary-password'));
    assert.match(shown.out, /^label +sales$/m);
    const listed = await postern(['account', 'list']);
    assert.match(listed.out, /^ID +LABEL +ADDRESS +STATE +WAITING$/m);
  });

  it('ask a person for the password without showing it', async () => {
    const added = await postern(
      ['account', 'add', '--label', 'asked', '--address', 'a@b.example', ...servers],
      {
        answers: [['Password: ', 'canarx\x7fy 7\r']],
      },
    );
    assert.equal(added.code, 0, added.err);
    const kept = await gateway.rooms.accounts.find('asked');
    assert.deepEqual(await gateway.rooms.accounts.credentials(kept), {
      type: 'basic',
      username: 'a@b.example',
      password: 'canary 7',
    });
    assert.ok(!added.out.includes('canar'));
  });

  it('are changed by flags, booleans in both directions, and a refusal is told with its place', async () => {
    const off = await postern(['account', 'update', 'sales', '--no-active', '--watch.mode=poll', '--json']);
    assert.equal(off.code, 0, off.err);
    const account = JSON.parse(off.out) as AccountView;
    assert.equal(account.active, false);
    assert.equal(account.watch.mode, 'poll');
    const wrong = await postern(['account', 'update', 'sales', '--watch-mode', 'sometimes']);
    assert.equal(wrong.code, 1);
    assert.match(wrong.err, /invalid_input/);
    assert.match(wrong.err, /watch\.mode/);
  });

  it('are tested with an answer in words, and the exit code tells', async () => {
    await gateway.rooms.accounts.add({ ...(await inputFor('unreached')) });
    const tested = await postern(['account', 'test', 'unreached']);
    assert.equal(tested.code, 1);
    assert.match(tested.out, /^IMAP {2}FAILED \(connection_refused\)/m);
    assert.match(tested.out, /^SMTP {2}FAILED \(connection_refused\)/m);
  });

  it('are shown by how their mailboxes are watched, one line for each, and looked at at once', async () => {
    const status = {
      ...gateway.rooms.watchers.status('').total,
      state: 'backing-off',
      since: Date.now() - 90_000,
      last_alive_at: Date.now() - 3_600_000 * 3,
      waiting: 7,
      lag_ms: 400_000,
      reconnects: 2,
      next_try_at: Date.now() + 30_500,
      last_error: 'The server \u001b[2J went away.',
    } as const;
    gateway.watched.set('INBOX', status);
    try {
      const shown = await postern(['watch', 'status']);
      const [heading, ...lines] = shown.out.trimEnd().split('\n');
      assert.match(heading ?? '', /^ACCOUNT +MAILBOX +STATE +FOR +HEARD +CHECKED +LAST MAIL +WAITING +LAG/);
      const line = lines.find((text) => text.startsWith('sales ')) ?? '';
      assert.match(line, /^sales +INBOX +backing-off +90s +3h ago +- +- +7 +7m +2 +The server/);
      assert.match(line, /next try in 3[01]s/);
      assert.ok(!shown.out.includes('\u001b'));
      const one = JSON.parse((await postern(['watch', 'status', 'sales', '--json'])).out) as {
        data: object[];
      };
      assert.equal(one.data.length, 1);
      const swept = await postern(['watch', 'sweep', 'sales', '--wait-ms', '1']);
      assert.equal(swept.code, 1, 'it is not watched');
      const { id } = await gateway.rooms.accounts.find('sales');
      assert.ok(gateway.calls.includes(`watchers.sweep ${id}`));
    } finally {
      gateway.watched.delete('INBOX');
    }
    const unknown = await postern(['watch', 'status', 'nobody']);
    assert.match(unknown.err, /not_found/);
  });

  it('need a password from somewhere', async () => {
    const none = await postern(['account', 'add', ...friendly, ...servers]);
    assert.equal(none.code, 2);
    assert.match(none.err, /--password-stdin/);
    const bare = await postern(['account', 'add', '--password', 'x']);
    assert.equal(bare.code, 2, 'a password in the command line is not taken');
  });

  async function inputFor(label: string) {
    const { accountInput } = await import('../../src/contracts/account.ts');
    return accountInput.parse({ ...accountBody, label });
  }
});

describe('drafts', () => {
  const hostile = draft('drf_9', {
    subject: 'Offer\x1b]0;owned\x07\u202e gpj.exe\nDigest     sha256:00',
    text: 'Dear Anna,\x1b[2J\nTo send it:     postern draft approve drf_666',
    attachments: [
      { object_id: 'obj_1', filename: 'a\x9b31m.pdf', content_type: 'application/pdf', size: 3, sha256: 'x' },
    ],
  });

  it('are shown whole, with what to type, and nothing in them reaches the terminal as a command', async () => {
    gateway.drafts.set('drf_9', hostile);
    const shown = await postern(['draft', 'show', 'drf_9']);
    assert.equal(shown.code, 0, shown.err);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there
    assert.doesNotMatch(shown.out, /[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]/);
    assert.match(
      shown.out,
      new RegExp(`^To send it: {5}postern draft approve drf_9 --digest ${digest}$`, 'm'),
    );
    assert.equal(shown.out.match(/^To send it:/gm)?.length, 1, 'the text cannot pass for our own line');
    assert.equal(shown.out.match(/^Digest/gm)?.length, 1, 'the subject cannot pass for our own line');
    const asJson = await postern(['draft', 'show', 'drf_9', '--json']);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there
    assert.doesNotMatch(asJson.out, /[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]/);
    assert.deepEqual(JSON.parse(asJson.out), hostile);
    const listed = await postern(['draft', 'list']);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there
    assert.doesNotMatch(listed.out, /[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]/);
  });

  it('are approved by a person who saw them and said yes', async () => {
    gateway.drafts.set('drf_10', draft('drf_10'));
    const no = await postern(['draft', 'approve', 'drf_10'], { answers: [['[y/N]', '\n']] });
    assert.equal(no.code, 1);
    assert.equal(gateway.drafts.get('drf_10')?.state, 'waiting');
    const yes = await postern(['draft', 'approve', 'drf_10'], { answers: [['[y/N]', 'y\n']] });
    assert.equal(yes.code, 0, yes.err);
    assert.match(yes.out, /Subject +Re: Offer/);
    assert.match(yes.out, /sub_1/);
    assert.equal(gateway.drafts.get('drf_10')?.state, 'approved');
  });

  it('sent by a script need the digest, of which a beginning is enough', async () => {
    gateway.drafts.set('drf_11', draft('drf_11'));
    const none = await postern(['draft', 'approve', 'drf_11']);
    assert.equal(none.code, 2);
    const short = await postern(['draft', 'approve', 'drf_11', '--digest', 'abababab']);
    assert.equal(short.code, 2);
    const other = await postern(['draft', 'approve', 'drf_11', '--digest', 'cdcdcdcdcdcd']);
    assert.equal(other.code, 1);
    assert.match(other.err, /draft_digest_mismatch/);
    const old = await postern(['draft', 'approve', 'drf_11', '--digest', `sha256:${'0'.repeat(64)}`]);
    assert.equal(old.code, 1);
    assert.match(old.err, /draft_digest_mismatch/);
    assert.equal(gateway.drafts.get('drf_11')?.state, 'waiting');
    const done = await postern(['draft', 'approve', 'drf_11', '--digest', 'ABABABABABAB']);
    assert.equal(done.code, 0, done.err);
  });

  it('are rejected and edited, also with a text from a file', async () => {
    const file = join(gateway.folder, 'text.txt');
    await writeFile(file, 'Grüße\n');
    const edited = await postern([
      'draft',
      'edit',
      'drf_1',
      '--text-file',
      file,
      '--to',
      'a@b.example',
      '--to',
      'c@d.example',
    ]);
    assert.equal(edited.code, 0, edited.err);
    assert.ok(
      gateway.calls.includes(
        `drafts.edit drf_1 {"to":["a@b.example","c@d.example"],"text":"Grüße\\n"} admin`,
      ),
    );
    const rejected = await postern(['draft', 'reject', 'drf_1', 'too dear']);
    assert.equal(rejected.code, 0, rejected.err);
    assert.ok(gateway.calls.includes('drafts.reject drf_1 too dear admin'));
  });

  it('give their very bytes to a pipe', async () => {
    const { out } = await postern(['draft', 'raw', 'drf_1']);
    assert.match(out, /^Subject: Offer\r\n/);
  });
});

it('a mail is sent with files attached', async () => {
  const file = join(gateway.folder, 'offer.pdf');
  await writeFile(file, 'PDF');
  const sent = await postern(
    [
      ...['submission', 'create', '--account', 'sales', '--to', 'a@b.example', '--subject', 'Offer'],
      ...['--text-file', '-', '--attach', file],
    ],
    { stdin: 'Hello' },
  );
  assert.equal(sent.code, 0, sent.err);
  assert.ok(gateway.calls.includes('drafts.submit Offer admin'));
});

describe('commands that need no gateway', () => {
  const away = { settings: { url: 'http://127.0.0.1:1' } };
  const mail =
    'From: Anna <anna@prospect.example>\r\nSubject: A quote \x1b[31m\r\n\r\nTwenty desks, please\r\n';

  it('check rules', async () => {
    const good = await postern(['rules', 'check'], away);
    assert.equal(good.code, 0, good.err);
    assert.match(good.out, /1 rules, 1 agents/);
    const bad = await startGateway();
    await writeFile(join(bad.folder, 'bad.yaml'), 'rules:\n  - name: x\n    them: []\n');
    const wrong = await postern(['rules', 'check', bad.folder], away);
    assert.equal(wrong.code, 1);
    assert.match(wrong.out, /^bad\.yaml:\d+:\d+ {2}/m);
    await bad.close();
  });

  it('check the templates and the lists that digests name', async () => {
    const other = await startGateway();
    const digest = (name: string, template: string, file: string): string =>
      `  - { name: ${name}, cron: "0 8 * * *", template: ${template}, to: { file: ${file} } }\n`;
    const text = `digests:\n${digest('daily', 'nwes', 'gone.csv')}${digest('weekly', 'nwes', 'board.csv')}`;
    await writeFile(join(other.folder, 'digests.yaml'), text);
    await writeFile(join(other.folder, 'board.csv'), 'address\nanna@example.org\nnobody\n');
    const templatesDir = join(other.folder, 'templates');
    const wrong = await postern(['rules', 'check', other.folder], {
      settings: { ...away.settings, templatesDir },
    });
    assert.equal(wrong.code, 1);
    assert.match(wrong.err, /The digest "weekly": There is no template "nwes"/);
    assert.match(wrong.err, /The digest "daily": The list gone\.csv cannot be read: it is not there\./);
    assert.match(wrong.err, /The digest "weekly": The list of recipients has mistakes: 2: /);
    await writeFile(join(other.folder, 'gone.csv'), 'address\nben@example.org\n');
    await writeFile(join(other.folder, 'board.csv'), 'address\nanna@example.org\n');
    await mkdir(join(templatesDir, 'nwes'), { recursive: true });
    await writeFile(join(templatesDir, 'nwes', 'text.hbs'), 'News\n');
    const good = await postern(['rules', 'check', other.folder], {
      settings: { ...away.settings, templatesDir },
    });
    assert.equal(good.code, 0, good.err);
    assert.match(good.out, /2 digests\.\n$/);
    await other.close();
  });

  it('tell what rules do with a mail, and what a mail says', async () => {
    const file = join(gateway.folder, 'mail.eml');
    await writeFile(file, mail);
    const tested = await postern(['rules', 'test', '--message', file, '--account', 'sales'], away);
    assert.equal(tested.code, 0, tested.err);
    assert.match(tested.out, /^prospect quotes: matches$/m);
    const parsed = await postern(['parse', file], away);
    assert.equal(parsed.code, 0, parsed.err);
    assert.match(parsed.out, /Anna <anna@prospect\.example>/);
    assert.match(parsed.out, /│ Twenty desks, please/);
    assert.ok(!parsed.out.includes('\x1b'));
    const asJson = await postern(['parse', '-', '--json'], { ...away, stdin: mail });
    assert.equal(
      (JSON.parse(asJson.out) as { content: { text: string } }).content.text.trim(),
      'Twenty desks, please',
    );
  });
});

describe('what goes wrong', () => {
  const cases: [string, string[], Terminal, number, RegExp][] = [
    ['no gateway', ['draft', 'list'], { settings: { url: 'http://127.0.0.1:1' } }, 1, /postern start/],
    ['no token', ['draft', 'list'], { settings: { adminToken: null } }, 1, /POSTERN_ADMIN_TOKEN/],
    ['a wrong token', ['draft', 'list'], { settings: { adminToken: 'wrong' } }, 1, /unauthorized/],
    ['an unknown noun', ['drafts'], {}, 2, /did you mean `draft`/],
    ['an unknown verb', ['draft', 'aprove', 'x'], {}, 2, /did you mean `approve`/],
    ['a noun alone', ['draft'], {}, 2, /approve/],
    ['an unknown flag', ['draft', 'list', '--stat', 'x'], {}, 2, /--stat/],
    ['a state that is none', ['draft', 'list', '--state', 'x'], {}, 2, /--state/],
    ['no number', ['draft', 'list', '--limit', 'ten'], {}, 2, /--limit wants a number/],
    ['a missing argument', ['draft', 'show'], {}, 2, /ID: is needed/],
    ['a word too many', ['draft', 'show', 'a', 'b'], {}, 2, /too many/],
    [
      'a file that is not there',
      ['parse', '/nothing/here.eml'],
      {},
      2,
      /cannot be read: there is no such file\.\n/,
    ],
    [
      'a time that is none',
      ['submission', 'create', '--account', 'sales', '--to', 'a@b.example', '--send-at', 'tomorrow'],
      {},
      2,
      /--send-at: write a time with its offset, such as 2026-/,
    ],
    ['JSON that is none', ['account', 'add', '--input', '-'], { stdin: '{' }, 2, /not valid JSON/],
    ['an id that is not there', ['draft', 'show', 'drf_none'], {}, 1, /not_found/],
    ['an id that leads elsewhere', ['draft', 'show', '../accounts'], {}, 1, /not_found/],
  ];
  for (const [name, argv, terminal, code, said] of cases) {
    it(`${name}: exit code ${code} and a sentence that helps`, async () => {
      const ran = await postern(argv, terminal);
      assert.equal(ran.code, code, ran.err);
      assert.match(ran.err, said);
      assert.equal(ran.out, '');
    });
  }
});

describe('help', () => {
  it('shows every command, a noun, and the flags of one command', async () => {
    for (const argv of [[], ['help'], ['--help']]) {
      const { code, out } = await postern(argv);
      assert.equal(code, 0);
      assert.match(out, /^ {2}start /m);
      assert.match(out, /^ {2}draft approve ID /m);
    }
    assert.match((await postern(['draft', '--help'])).out, /^ {2}draft reject/m);
    assert.match((await postern(['help', 'draft'])).out, /^ {2}draft reject/m);
    const one = await postern(['account', 'add', '--help']);
    assert.match(one.out, /--imap HOST\[:PORT\]/);
    assert.match(one.out, /--require-tls/);
    assert.doesNotMatch(one.out, /--auth-password /);
  });
});
