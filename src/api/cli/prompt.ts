// Asking the person at the terminal.
import { createInterface } from 'node:readline/promises';
import { type CliIo, UsageError } from './io.ts';

const MAX_SECRET_CHARS = 4096;

/** True only for a plain yes. */
export async function confirm(io: CliIo, question: string): Promise<boolean> {
  const lines = createInterface({ input: io.stdin, output: io.stdout });
  try {
    // The end of input (Ctrl+D) and Ctrl+C are no answer, and no answer is no yes.
    const answer = await Promise.race([
      lines.question(`${question} [y/N] `),
      new Promise<string>((resolve) => lines.once('close', () => resolve(''))),
    ]);
    return /^y(es)?$/i.test(answer.trim());
  } finally {
    lines.close();
  }
}

/** A line that is not shown while it is typed. @throws UsageError when the person gives up */
export async function askSecret(io: CliIo, question: string): Promise<string> {
  const { stdin, stdout } = io;
  stdout.write(`${question}: `);
  stdin.setRawMode?.(true);
  stdin.resume();
  let secret = '';
  try {
    return await new Promise<string>((resolve, reject) => {
      const give = (): void => reject(new UsageError('Nothing was entered.'));
      const read = (chunk: Buffer): void => {
        for (const char of chunk.toString('utf8')) {
          if (char === '\x03' || char === '\x04') give();
          else if (char === '\r' || char === '\n') secret === '' ? give() : resolve(secret);
          else if (char === '\x7f' || char === '\b') secret = [...secret].slice(0, -1).join('');
          else if (char >= ' ' && secret.length < MAX_SECRET_CHARS) secret += char;
        }
      };
      stdin.on('data', read);
      stdin.once('end', give);
    });
  } finally {
    stdin.removeAllListeners('data');
    stdin.setRawMode?.(false);
    stdin.pause();
    stdout.write('\n');
  }
}
