import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { describe, it } from 'node:test';
import { printable, Terminal } from './terminal.ts';

describe('the terminal of the sandbox', () => {
  it('hands out the lines of a pipe one by one, also those that came before they were wanted, then the end', async () => {
    const { terminal, input } = pipe();
    input.end('approve\nreject too dear\r\n\nquit');
    assert.equal(await terminal.nextLine(), 'approve');
    assert.equal(await terminal.nextLine(), 'reject too dear');
    assert.equal(await terminal.nextLine(), '');
    assert.equal(await terminal.nextLine(), 'quit');
    assert.equal(await terminal.nextLine(), null);
    assert.equal(await terminal.nextLine(), null);
  });

  it('ends at once when it is interrupted, whatever lines still wait', async () => {
    const { terminal, input } = pipe();
    input.write('approve\n');
    const first = await terminal.nextLine();
    input.write('quit\n');
    const waiting = terminal.nextLine();
    terminal.interrupt();
    assert.equal(first, 'approve');
    await waiting;
    assert.equal(await terminal.nextLine(), null);
    assert.equal(terminal.interrupted.aborted, true);
  });

  it('prints no prompt, no colour and no escape sequence through a pipe', () => {
    const { terminal, written } = pipe();
    terminal.print('Postern', 'bold');
    terminal.step('watch', 'A mail arrived:\nhello');
    assert.equal(written(), 'Postern\n  watch     A mail arrived:\n            hello\n');
  });

  it('takes from mail what a terminal would obey', () => {
    const { terminal, written } = pipe();
    terminal.step('watch', 'Subject \u001b]0;owned\u0007\u009b2J\u202egnp.exe\roverwritten');
    const shown = written();
    assert.doesNotMatch(shown, /(?!\n)\p{Cc}|\u202e/u);
    assert.match(shown, /Subject .\]0;owned..2J.gnp\.exe\n +overwritten/);
    assert.equal(printable('Grüße\t– 你好\n👩‍💻'), 'Grüße    – 你好\n👩‍💻');
  });
});

function pipe() {
  const input = new PassThrough();
  const output = new PassThrough();
  const terminal = new Terminal(input, output);
  return { terminal, input, written: () => String(output.read() ?? '') };
}
