// The digests of rules files: each name once in all of them, and what is wrong with one beyond its shape. Pure.
import type { DigestDefinition } from '../contracts/digest.ts';
import type { RuleProblem } from '../contracts/rule.ts';
import { PosternError } from '../kernel/errors.ts';
import { parseRecipient } from '../mail/recipient.ts';
import { cronMistake } from './cron-fields.ts';
import type { ReadFile } from './read-files.ts';

const MAX_DIGESTS = 1_000; // each is a row that is looked at whenever one is due

export function collectDigests(
  files: readonly ReadFile[],
  problems: RuleProblem[],
): Map<string, DigestDefinition> {
  const found = new Map<string, DigestDefinition>();
  const seen = new Map<string, string>();
  for (const file of files) {
    const digests = file.content.digests ?? [];
    for (const [i, written] of digests.entries()) {
      const path = ['digests', i];
      const report = (at: readonly PropertyKey[], message: string): void => {
        problems.push({ file: file.name, ...file.valueAt([...path, ...at]), message });
      };
      const earlier = seen.get(written.name);
      if (earlier) report(['name'], `the digest \`${written.name}\` is already defined in ${earlier}`);
      else seen.set(written.name, `${file.name}:${file.valueAt([...path, 'name']).line}`);
      check(written, report);
      const account = written.account ?? onlyName(file.content.defaults?.account);
      found.set(written.name, { ...written, ...(account === undefined ? {} : { account }) });
      if (found.size <= MAX_DIGESTS) continue;
      report([], `there are more than ${MAX_DIGESTS} digests`);
      return found;
    }
  }
  return found;
}

function check(
  { cron, data, to, report: told }: DigestDefinition,
  report: (at: readonly PropertyKey[], message: string) => void,
): void {
  const mistake = cronMistake(cron);
  if (mistake) report(['cron'], `\`cron\` ${mistake}`);
  if (Array.isArray(to)) for (const [i, text] of to.entries()) checkAddress(text, ['to', i], report);
  for (const text of told === undefined ? [] : [told].flat()) checkAddress(text, ['report'], report);
  for (const [name, source] of Object.entries(data)) {
    if ('http' in source) checkUrl(source.http, (message) => report(['data', name, 'http', 'url'], message));
  }
}

function checkAddress(
  text: string,
  at: readonly PropertyKey[],
  report: (at: readonly PropertyKey[], message: string) => void,
): void {
  try {
    parseRecipient(text);
  } catch (error) {
    if (!(error instanceof PosternError)) throw error;
    report(at, error.message);
  }
}

/** The URL is not repeated: it may hold a secret. */
function checkUrl(source: { url: string; allow_private: boolean }, report: (message: string) => void): void {
  const { protocol, username, password } = new URL(source.url);
  if (username !== '' || password !== '')
    report('`url` must not hold a user name or a password; name them in `headers` by reference');
  else if (protocol === 'http:' && !source.allow_private)
    report('`url` is not https; inside your own network write `allow_private: true` beside it');
}

/** Rules may name several accounts, or patterns of them; a digest is sent from one. */
const onlyName = (written: string | string[] | undefined): string | undefined =>
  typeof written === 'string' && !/[*!]/.test(written) ? written : undefined;
