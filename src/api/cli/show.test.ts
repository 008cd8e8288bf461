// What a hostile server calls its mailboxes, shown on a terminal.
import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { it } from 'node:test';
import type { CliIo } from './io.ts';
import { showDetails, showGrid, showTable } from './show.ts';

const HOSTILE = 'INBOX\u001b[2J\u009b31m\u001b]0;owned\u0007\r\nsales  idle\u202e';

function shown(show: (io: CliIo) => void): string {
  const stdout = new PassThrough();
  show({ stdout } as unknown as CliIo);
  return String(stdout.read());
}

it('a mailbox whose name holds escapes and line ends stays one line in every table, and a terminal obeys nothing of it', () => {
  const tables = {
    grid: shown((io) =>
      showGrid(io, [
        ['MAILBOX', 'STATE'],
        [HOSTILE, HOSTILE],
      ]),
    ),
    table: shown((io) => showTable(io, [{ path: HOSTILE, flags: [HOSTILE] }], ['path', 'flags'])),
    details: shown((io) => showDetails(io, { [HOSTILE]: 'idle', path: [HOSTILE] })),
  };
  for (const [name, text] of Object.entries(tables)) {
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
    assert.doesNotMatch(text, /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e]/, name);
    assert.equal(text.trimEnd().split('\n').length, 2, name);
    assert.match(text, /INBOX/, name);
  }
});
