// What changed in the gateway, told in plain words: which part did it, and what it did. Pure: two snapshots in, lines out.
import type { AccountView } from '../contracts/account.ts';
import type { DraftView, SubmissionView } from '../contracts/draft.ts';
import type { Address, MessageView } from '../contracts/mail.ts';
import type { SessionView } from '../contracts/session.ts';
import type { Snapshot } from './follower.ts';

export interface Step {
  part: string;
  text: string;
  /** True for what went wrong. */
  bad?: boolean;
  /** The draft that now waits, where this step is about that. */
  waiting?: DraftView;
}

/** The steps between two readings, in the order in which mail flows. */
export function narrate(before: Snapshot, after: Snapshot): Step[] {
  return [
    ...changes(before.accounts, after.accounts, aboutAccount),
    ...changes(before.messages, after.messages, aboutMessage),
    ...changes(before.sessions, after.sessions, aboutSession),
    ...changes(before.drafts, after.drafts, aboutDraft),
    ...changes(before.submissions, after.submissions, aboutSubmission),
  ];
}

function changes<T extends { id: string }>(
  before: readonly T[],
  after: readonly T[],
  about: (now: T, was: T | undefined) => Step[],
): Step[] {
  const known = new Map(before.map((item) => [item.id, item]));
  return after.flatMap((item) => about(item, known.get(item.id)));
}

function aboutAccount({ address, status, watch }: AccountView, was: AccountView | undefined): Step[] {
  if (status.state === was?.status.state) return [];
  const mailboxes = watch.mailboxes.join(', ');
  if (status.state === 'idle') {
    return [
      {
        part: 'watch',
        text: `${mailboxes} of ${address} is watched: the server says when mail comes (IDLE).`,
      },
    ];
  }
  if (status.state === 'polling')
    return [{ part: 'watch', text: `${mailboxes} of ${address} is looked at regularly.` }];
  if (status.state === 'connecting' || status.state === 'stopped') return [];
  const error = status.last_error ?? 'no reason was given';
  return [{ part: 'watch', text: `${address} cannot be watched (${status.state}): ${error}`, bad: true }];
}

function aboutMessage(message: MessageView, was: MessageView | undefined): Step[] {
  if (was) return [];
  const from = message.from?.address ?? 'nobody';
  return [
    {
      part: 'watch',
      text:
        `A mail from ${from} arrived in ${message.mailbox} (UID ${message.uid}): "${message.subject}"\n` +
        `It is in the ledger as ${message.id}. Trust: ${message.trust.level} (${message.trust.reason}).`,
    },
  ];
}

function aboutSession(session: SessionView, was: SessionView | undefined): Step[] {
  const steps: Step[] = [];
  const say = (text: string, bad = false): void => {
    steps.push({ part: 'sessions', text, ...(bad ? { bad } : {}) });
  };
  if (!was) {
    steps.push({
      part: 'rules',
      text: `The rule "${session.rule}" holds: it wakes the agent ${session.agent}.`,
    });
    say(`Session ${session.id} is started: ${session.agent} gets the mail as a JSON event.`);
  }
  const turns = session.turns - (was?.turns ?? 1);
  if (turns > 0) say(`Turn ${session.turns}: ${session.agent} is asked again.`);
  if (session.state === was?.state) return steps;
  if (session.state === 'waiting-for-approval') say('The agent has answered. Its mail needs a person.');
  if (session.state === 'waiting-for-answer') say(`The agent asks: ${session.question ?? ''}`);
  if (session.state === 'waiting-for-reply') say('The session waits for an answer in the thread.');
  if (session.state === 'done') say(`The session is done. ${session.summary ?? ''}`.trimEnd());
  if (session.state === 'failed') say(`The session failed: ${session.error ?? 'no reason was given'}`, true);
  if (session.state === 'cancelled') say('The session was cancelled.');
  if (session.state === 'expired') say(session.error ?? 'The session has expired.');
  return steps;
}

function aboutDraft(draft: DraftView, was: DraftView | undefined): Step[] {
  const name = `Draft ${draft.id}`;
  if (draft.state === 'waiting' && draft.version !== was?.version) {
    const version = draft.version > 1 ? ` in version ${draft.version}` : '';
    return [
      { part: 'policy', text: `Why a person is asked: ${draft.reasons.join(' ')}` },
      {
        part: 'drafts',
        text: `${name} waits${version}. Nothing leaves before a person approves it.`,
        waiting: draft,
      },
    ];
  }
  if (draft.state === was?.state) return [];
  const by = draft.decided_by ? ` by ${draft.decided_by}` : '';
  if (draft.state === 'approved')
    return [{ part: 'drafts', text: `${name} was approved${by}: these bytes, no others.` }];
  if (draft.state === 'superseded') return [{ part: 'drafts', text: `${name} gave way to a newer one.` }];
  if (draft.state === 'withdrawn')
    return [{ part: 'drafts', text: `${name} was withdrawn: ${draft.feedback ?? 'its session is over'}` }];
  if (draft.state !== 'rejected') return [];
  const feedback = draft.feedback ? `: "${draft.feedback}"` : '';
  return [{ part: 'drafts', text: `${name} was rejected${by}${feedback}. It is not sent.` }];
}

function aboutSubmission(submission: SubmissionView, was: SubmissionView | undefined): Step[] {
  const steps: Step[] = [];
  if (!was) {
    const to = submission.recipients.map((recipient) => recipient.address).join(', ');
    steps.push({ part: 'outbound', text: `Submission ${submission.id} is in the outbox, for ${to}.` });
  }
  if (submission.state === was?.state && submission.attempts === was.attempts) return steps;
  if (submission.state === 'sent') {
    const answer = submission.recipients[0]?.response;
    steps.push({
      part: 'outbound',
      text: `It was sent over SMTP.${answer ? ` The server said: ${answer}` : ''}`,
    });
  } else if (submission.state === 'queued' && submission.last_error) {
    steps.push({ part: 'outbound', text: `It is tried again later: ${submission.last_error}`, bad: true });
  } else if (submission.state !== 'queued' && submission.state !== 'sending') {
    const error = submission.last_error ?? 'no reason was given';
    steps.push({ part: 'outbound', text: `It is in state ${submission.state}: ${error}`, bad: true });
  }
  return steps;
}

/** A draft as a person reads it before deciding: everything that leaves, and its digest. */
export function showDraft(draft: DraftView): string {
  const lines = [`From:     ${mailbox(draft.from)}`, `To:       ${mailboxes(draft.to)}`];
  if (draft.cc.length > 0) lines.push(`Cc:       ${mailboxes(draft.cc)}`);
  if (draft.bcc.length > 0) lines.push(`Bcc:      ${mailboxes(draft.bcc)}`);
  lines.push(`Subject:  ${draft.subject}`);
  for (const file of draft.attachments) {
    lines.push(`Attached: ${file.filename} (${file.content_type}, ${file.size} bytes)`);
  }
  if (draft.html !== null) lines.push('HTML:     yes, beside the text');
  lines.push(`Digest:   ${draft.digest}`, '', ...draft.text.trimEnd().split('\n'));
  return lines.join('\n');
}

const mailbox = ({ name, address }: Address): string => (name ? `${name} <${address}>` : address);
const mailboxes = (list: readonly Address[]): string => list.map(mailbox).join(', ');
