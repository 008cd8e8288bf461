// Postfix's smtp-sink without a dump of what it takes: it costs next to nothing, so that what is measured is the sender.
import { freePorts } from '../test/support/ports.ts';
import { startProcess } from '../test/support/process.ts';
import { findProgram } from '../test/support/services.ts';

const START_ATTEMPTS = 5;
const BACKLOG = 100;

export interface CountingSink {
  port: number;
  /** Mails taken since it was started. */
  count(): number;
  [Symbol.asyncDispose](): Promise<void>;
}

export async function startCountingSink(): Promise<CountingSink> {
  const program = findProgram('smtp-sink');
  if (!program) throw new Error('smtp-sink is missing: run scripts/test-services as root');
  const user = process.getuid?.() === 0 ? ['-u', 'nobody'] : [];
  for (let attempt = 1; ; attempt++) {
    const [port = 0] = await freePorts(1);
    try {
      // -c prints `mesg=N` and a carriage return after each mail.
      const args = ['-c', ...user, `127.0.0.1:${port}`, String(BACKLOG)];
      const server = await startProcess(program, args, { readyPort: port });
      return {
        port,
        count: () => Number(/mesg=(\d+)(?!.*mesg=)/s.exec(server.output())?.[1] ?? 0),
        [Symbol.asyncDispose]: () => server.stop(),
      };
    } catch (error) {
      if (attempt >= START_ATTEMPTS || !String(error).includes('already in use')) throw error;
    }
  }
}
