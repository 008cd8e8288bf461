// What to type when a draft waits: here, on the command line of another terminal, and with curl.
import type { DraftView } from '../contracts/draft.ts';
import { commandHelp } from './commands.ts';

/** Ready to copy, in the words of the shell that is usual on this system. */
export function waysToDecide(draft: DraftView, url: string, token: string): string {
  const windows = process.platform === 'win32';
  const set = (name: string, value: string): string =>
    windows ? `  $env:${name} = '${value}'` : `  export ${name}=${value}`;
  const [next, quote] = windows ? [' `', '\\"'] : [' \\', '"'];
  const body = `{${quote}digest${quote}:${quote}${draft.digest}${quote}}`;
  return [
    'Type one of these here:',
    commandHelp(),
    '',
    'Or do the same in another terminal, in this folder:',
    set('POSTERN_URL', url),
    set('POSTERN_ADMIN_TOKEN', token),
    `  npm run postern -- draft show ${draft.id}`,
    `  npm run postern -- draft approve ${draft.id} --digest ${draft.digest}`,
    '',
    'Or over REST:',
    `  curl${windows ? '.exe' : ''} -X POST ${url}/v1/drafts/${draft.id}/approve${next}`,
    `    -H 'Authorization: Bearer ${token}'${next}`,
    `    -H 'Content-Type: application/json'${next}`,
    `    -d '${body}'`,
    '',
  ].join('\n');
}
