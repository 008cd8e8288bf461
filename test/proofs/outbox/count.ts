// Counts, from what is there at the end, which mails were lost, which arrived twice, and where the ledger says of a
// recipient something else than the server did. Pure.
import type { SubmissionView } from '../../../src/contracts/draft.ts';
import type { Asked } from './operator.ts';

export interface Evidence {
  asked: readonly Asked[];
  submissions: readonly SubmissionView[];
  /** What the server took, whether or not anybody lived to hear so. */
  taken: readonly { messageId: string; recipients: readonly string[] }[];
  /** Its answers 5xx by recipient. */
  refused: ReadonlyMap<string, readonly string[]>;
  /** Submissions that a person sent again without knowing. */
  resentBlindly: ReadonlySet<string>;
  /** Those that were ever unknown: their words, and whether the server had them then. */
  unknown: ReadonlyMap<string, { cause: string; arrived: boolean }>;
  deadLetters: readonly string[];
}

/** Each list names the cases, in words; the law holds where every list but `unknown` is empty. */
export interface Count {
  /** Mails and recipients that never arrived, and of whom nobody says so. */
  lost: string[];
  /** Mails that became two, and recipients who got one twice. */
  twice: string[];
  /** Recipients of whom the ledger says something else than the server. */
  wrong: string[];
  /** Mails that nobody wanted, or that are not over. */
  unexpected: string[];
  deadLetters: string[];
  /** Those that were unknown at some time: why, and whether they arrived. */
  unknown: { id: string; cause: string; arrived: boolean }[];
}

export function count(evidence: Evidence): Count {
  const { asked, submissions, taken, resentBlindly } = evidence;
  const result: Count = {
    ...{ lost: [], twice: [], wrong: [], unexpected: [] },
    ...{ deadLetters: [...evidence.deadLetters], unknown: [] },
  };
  const byNumber = Map.groupBy(submissions, ({ subject }) => numberIn(subject));
  for (const { number, by, recipients, confirmed } of asked) {
    const own = byNumber.get(number) ?? [];
    byNumber.delete(number);
    if (own.length > 1) result.twice.push(`mail ${number} is ${own.map(({ id }) => id).join(' and ')}`);
    if (own.length === 0)
      result.lost.push(`mail ${number} (${by}, ${confirmed ? '' : 'not '}confirmed) is not in the outbox`);
    const [submission] = own;
    if (submission && submission.recipients.map(({ address }) => address).join() !== recipients.join())
      result.wrong.push(`mail ${number} goes to others than it should`);
  }
  for (const [number, rest] of byNumber)
    result.unexpected.push(`nobody wanted ${number}: ${rest.map(({ id }) => id).join(', ')}`);

  const arrivals = new Map<string, number>();
  for (const { messageId, recipients } of taken)
    for (const address of recipients)
      arrivals.set(`${messageId} ${address}`, (arrivals.get(`${messageId} ${address}`) ?? 0) + 1);
  for (const submission of submissions) {
    countRecipients(evidence, submission, arrivals, result);
    for (const { address } of submission.recipients) {
      const times = arrivals.get(`${submission.message_id} ${address}`) ?? 0;
      arrivals.delete(`${submission.message_id} ${address}`);
      if (times > 1 && !resentBlindly.has(submission.id))
        result.twice.push(`${address} got ${submission.id} ${times} times`);
    }
  }
  for (const [what] of arrivals) result.unexpected.push(`the server took ${what}`);
  return result;
}

/** The fate of each recipient, held against what the server did. */
function countRecipients(
  { refused, unknown }: Evidence,
  { id, state, message_id: messageId, last_error: cause, recipients }: SubmissionView,
  arrivals: ReadonlyMap<string, number>,
  result: Count,
): void {
  const arrived = (address: string): boolean => arrivals.has(`${messageId} ${address}`);
  for (const { address, state: fate, response } of recipients) {
    const told = `${address} of ${id} is ${fate} (${response})`;
    if (fate === 'sent' && !arrived(address)) result.lost.push(`${told}, and it never arrived`);
    else if (fate === 'failed' && arrived(address)) result.wrong.push(`${told}, and it did arrive`);
    else if (fate === 'failed' && !refused.has(address)) result.wrong.push(`${told}, and nobody refused it`);
    else if (fate !== 'sent' && fate !== 'failed' && fate !== 'unknown')
      result.unexpected.push(`${told} at the end`);
  }
  const fates = new Set<string>(recipients.map((recipient) => recipient.state));
  const follows = fates.has('unknown') ? 'unknown' : fates.has('sent') ? 'sent' : 'failed';
  if (state !== follows)
    result.wrong.push(`${id} is ${state}, and its recipients are ${[...fates].join(', ')}`);
  const seen = unknown.get(id);
  if (seen !== undefined || state === 'unknown')
    result.unknown.push({
      id,
      cause: seen?.cause ?? cause ?? '',
      arrived: seen?.arrived ?? recipients.some(({ address }) => arrived(address)),
    });
}

export const holds = (result: Count): boolean =>
  Object.entries(result).every(([name, cases]) => name === 'unknown' || cases.length === 0);

/** The number at the end of a subject; NaN for a mail that is none of ours. */
const numberIn = (subject: string): number => Number(/#(\d+)$/.exec(subject.trim())?.[1]);
