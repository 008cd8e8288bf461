// Tests of an account's servers and of a webhook in plain words: a line for each step, and what to do below it.
import type { AccountCheck, SignInCheck } from '../../contracts/account.ts';
import type { CheckStep } from '../../contracts/check.ts';
import type { EndpointTest } from '../../contracts/webhook.ts';
import type { Special } from './command.ts';
import { type CliIo, EXIT, print } from './io.ts';
import { safeLine } from './terminal-text.ts';

const NAMES: Readonly<Record<CheckStep['step'], string>> = {
  settings: 'settings',
  dns: 'name',
  connect: 'connection',
  tls: 'TLS',
  greeting: 'greeting',
  sign_in: 'sign-in',
  capabilities: 'extensions',
  mailboxes: 'mailboxes',
};
const NAME_COLUMNS = Math.max(...Object.values(NAMES).map((name) => name.length));

export const accountTest: Special = {
  show(io, answer: AccountCheck) {
    sayCheck(io, 'IMAP', answer.imap);
    sayCheck(io, 'SMTP', answer.smtp);
  },
  exitCode: (answer: AccountCheck) => (answer.ok ? EXIT.ok : EXIT.refused),
};

export const imapValidate: Special = {
  show: (io, answer: SignInCheck) => sayCheck(io, 'IMAP', answer),
  exitCode: (answer: SignInCheck) => (answer.ok ? EXIT.ok : EXIT.refused),
};

export const webhookTest: Special = {
  show(io, { ok, agent, endpoint, status, took_ms, problem }: EndpointTest) {
    const answered = status === null ? 'no answer' : `status ${status}`;
    print(
      io,
      `${ok ? 'ok' : 'FAILED'}  ${safeLine(agent)}  ${safeLine(endpoint)}  ${answered} (${took_ms} ms)`,
    );
    if (problem !== null) print(io, `  ${safeLine(problem)}`);
  },
  exitCode: ({ ok }: EndpointTest) => (ok ? EXIT.ok : EXIT.refused),
};

function sayCheck(io: CliIo, protocol: string, check: SignInCheck): void {
  const state = check.ok ? 'ok' : `FAILED (${safeLine(check.code)})`;
  print(io, `${protocol}  ${state}  ${safeLine(check.message)}`);
  for (const step of check.steps) {
    const mark = step.ok ? 'ok    ' : 'FAILED';
    const name = NAMES[step.step].padEnd(NAME_COLUMNS);
    print(io, `  ${mark}  ${name}  ${safeLine(step.message)} (${step.ms} ms)`);
    for (const line of hintsOf(step)) print(io, `          ${' '.repeat(NAME_COLUMNS)}${safeLine(line)}`);
  }
  if (check.steps.length === 0 && check.hint !== null) print(io, `      ${safeLine(check.hint)}`);
}

/** Each missing extension on a line of its own; they stand in the hint too. */
function hintsOf({ hint, details }: CheckStep): string[] {
  const features = details.features as { name: string; instead: string | null }[] | undefined;
  if (!features) return hint === null ? [] : [hint];
  const missing = features.flatMap(({ name, instead }) =>
    instead === null ? [] : [`No ${name}: ${instead}`],
  );
  const rest = missing.reduce((text, line) => text.replace(line, ''), hint ?? '').trim();
  return rest === '' ? missing : [rest, ...missing];
}
