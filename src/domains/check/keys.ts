// DKIM: whether each key's record is there and is ours, and whether mail is signed at all.
import type { DkimKeysTable } from '../../store/schema.ts';
import { keyName, keyRecord } from '../dkim-key.ts';
import { readPublished } from '../key-record.ts';
import type { DnsView } from './dns-view.ts';
import type { Say } from './findings.ts';

const OLD_MS = 365 * 24 * 3_600_000;

export interface DomainKeys {
  /** The domain whose keys sign: the one that is checked, or one above it. */
  domain: string;
  keys: readonly DkimKeysTable[];
}

/** @param signedElsewhere all accounts of the domain send through providers that sign by themselves */
export async function checkKeys(
  view: DnsView,
  owner: DomainKeys | null,
  { signedElsewhere, now }: { signedElsewhere: boolean; now: number },
  say: Say,
): Promise<void> {
  if (owner === null || owner.keys.every(({ state }) => state === 'retired')) {
    if (signedElsewhere)
      return say(
        'info',
        'dkim_elsewhere',
        'Postern has no key for the domain: its provider signs. Switch that on at the provider.',
      );
    return say(
      'warning',
      'dkim_no_key',
      'Postern has no key for the domain, so its mail leaves unsigned. Add the domain: a key is made.',
    );
  }
  const active = owner.keys.filter(({ state }) => state === 'active');
  for (const key of owner.keys) await sayKey(view, owner.domain, key, active, say);
  if (active.length > 0 && active.every(({ algorithm }) => algorithm === 'ed25519'))
    say(
      'warning',
      'dkim_only_ed25519',
      'Only an Ed25519 key signs, which many receivers do not know. Make an RSA key beside it.',
    );
  for (const { selector, active_at: since } of active)
    if (since !== null && now - since > OLD_MS)
      say('info', 'dkim_old', `The key ${selector} has signed for more than a year: rotate it.`);
}

async function sayKey(
  view: DnsView,
  domain: string,
  key: DkimKeysTable,
  active: readonly DkimKeysTable[],
  say: Say,
): Promise<void> {
  if (key.state === 'retired') return;
  const name = keyName(key.selector, domain);
  const answer = await view.ask(name, 'TXT');
  const waits = key.state === 'pending' && active.some(({ algorithm }) => algorithm === key.algorithm);
  const level = key.state === 'active' || (key.state === 'pending' && !waits) ? 'error' : 'warning';
  if (answer.kind === 'failed')
    return say(
      level,
      'dkim_unknown',
      `The record of the key ${key.selector} could not be asked for: ${answer.why}.`,
    );
  const record = keyRecord(domain, key);
  const role = {
    active: 'signs the mail of the domain',
    pending: waits ? 'is to sign next' : 'is to sign the mail of the domain',
    retiring: 'has signed mail that may still be on its way',
  }[key.state as 'active' | 'pending' | 'retiring'];
  if (answer.kind === 'missing')
    return say(
      level,
      'dkim_record_missing',
      `The key ${key.selector} ${role}, and there is no record of it. Publish it.`,
      record,
    );
  const { problem, weaknesses } = readPublished(answer.records, key);
  if (problem !== null)
    return say(
      level,
      'dkim_record_wrong',
      `The key ${key.selector} ${role}, but at ${name}, ${problem}.`,
      record,
    );
  if (weaknesses.includes('testing'))
    say(
      'warning',
      'dkim_testing',
      `The record of the key ${key.selector} is marked as a test (t=y): receivers may take its mail for unsigned.`,
      record,
    );
  if (weaknesses.includes('weak_key'))
    say(
      'warning',
      'dkim_weak_key',
      `The key ${key.selector} has only ${key.bits} bits. Rotate it: the next one has 2048.`,
    );
  if (!weaknesses.includes('testing') && !weaknesses.includes('weak_key'))
    say('ok', 'dkim_ok', `The record of the key ${key.selector}, which ${role}, is right.`);
}
