// Every kind of job and what its payload holds: the words in which one room asks a later one to go on.
import { z } from 'zod';
import { ingestOptions } from '../contracts/knowledge-sink.ts';

export const jobKinds = {
  /** Takes in one message that could not be understood at once. No lane: the rest of the mailbox goes on. */
  'message.ingest': z.object({
    account_id: z.string(),
    mailbox: z.string(),
    uid_validity: z.string(),
    uid: z.number().int(),
  }),
  /** Runs one turn of a session. Lane: the session. */
  'session.turn': z.object({ turn_id: z.string() }),
  /** Does one action of an agent's answer. Lane: the session, in the place of its turn. */
  'session.action': z.object({ turn_id: z.string(), index: z.number().int() }),
  /** Wakes a session when nobody answered in time. */
  'session.wake': z.object({ session_id: z.string(), until: z.number().int() }),
  /** Sends one submission over SMTP. No lane: one mail that must wait must not hold up the account's others. */
  'submission.send': z.object({ submission_id: z.string() }),
  /** The same for the mails of a broadcast, which have a share of the workers of their own: they wait, and nobody for them. */
  'submission.bulk': z.object({ submission_id: z.string() }),
  /** Looks up a submission of which nobody knows whether the server took it. */
  'submission.resolve': z.object({ submission_id: z.string() }),
  /** Files a copy in the Sent mailbox. Lane: the account's mailbox work. */
  'submission.file': z.object({ submission_id: z.string() }),
  /** Decides on a message once more, for the rules that hung on what was not at hand when it came in. Lane: its thread. */
  'message.decide': z.object({
    message_id: z.string(),
    mailbox: z.string(),
    /** As they were when it came in, like the next one: what was decided then and what is decided now is one decision. */
    flags: z.array(z.string()),
    is_reply: z.boolean(),
    /** The names of those rules. */
    rules: z.array(z.string()),
    /** How often it could not be found out who sent the message. From the first time on it has no lane. */
    tries: z.number().int().optional(),
  }),
  /** Sets flags or labels on a message at the IMAP server. Lane: the account's mailbox work. */
  'message.flag': z.object({
    message_id: z.string(),
    add: z.array(z.string()),
    remove: z.array(z.string()).optional(),
    sought: z.boolean().optional(),
  }),
  /** Moves a message to another mailbox. Lane: the account's mailbox work. */
  'message.move': z.object({
    message_id: z.string(),
    mailbox: z.string(),
    /** Makes the mailbox where it is missing. */
    create: z.boolean().optional(),
    sought: z.boolean().optional(),
  }),
  /** Reads what a mail that may be a report says of one that was sent. No lane. Pool: the account. */
  'report.read': z.object({ message_id: z.string() }),
  /** Forwards a message as one action of a rule says. No lane. Pool: the account. */
  'message.forward': z.object({ message_id: z.string(), rule: z.string(), index: z.number().int() }),
  /** Answers a message from a template as one action of a rule says. Lane: the rule and the recipient. Pool: the account. */
  'message.answer': z.object({ message_id: z.string(), rule: z.string(), index: z.number().int() }),
  /** Posts one message to a website. No lane: one that must wait does not hold up the others. Pool: the destination. */
  'delivery.post': z.object({ delivery_id: z.string() }),
  /** Looks whether a person has typed a device code, and comes back later if not. */
  'oauth.poll': z.object({ state_id: z.string() }),
  /** Removes an uploaded file that no mail has taken. */
  'object.expire': z.object({ object_id: z.string() }),
  /** Ends a link whose days are over, and removes its file where nothing else refers to it. */
  'link.expire': z.object({ link_id: z.string() }),
  /** Removes the parts of an upload that nobody completed. */
  'upload.expire': z.object({ upload_id: z.string() }),
  /** Notes which documents a rule takes from a message. */
  'knowledge.take': z.object({ message_id: z.string(), rule: z.string(), options: ingestOptions }),
  /** Streams one document from the IMAP server into an object. Pool: the account. */
  'knowledge.fetch': z.object({ document_id: z.string() }),
  /** Takes the text out of a document. */
  'knowledge.read': z.object({ content_id: z.string() }),
  /** Brings a document to one sink. Pool: the sink. */
  'knowledge.place': z.object({ placement_id: z.string() }),
  /** Removes an attachment that an event refers to, when its days are over. */
  'artifact.expire': z.object({ object_id: z.string() }),
  /** Mails the operator that an account has to be signed in again. */
  'operator.notice': z.object({ account_id: z.string() }),
  /** Makes a digest that is due. Lane: the digest. */
  'digest.fire': z.object({ firing_id: z.string() }),
  /** Puts the mails of a broadcast into the outbox, so many at a time. Lane: the broadcast. */
  'broadcast.run': z.object({ broadcast_id: z.string() }),
} as const;

export type JobKind = keyof typeof jobKinds;
export type JobPayload<K extends JobKind> = z.infer<(typeof jobKinds)[K]>;

/**
 * The lane of everything that a session does, in order: a turn, its actions, the next turn. Not the thread's, so that an
 * agent whose endpoint is down for days does not hold up another one on the same mail.
 */
export const sessionLane = (sessionId: string): string => `session:${sessionId}`;
/** The pool of an agent's turns: how many of them run at once is bounded (limits.concurrency). */
export const agentPool = (agent: string): string => `agent:${agent}`;
/** The agent that a pool belongs to. */
export const agentOfPool = (pool: string): string => pool.slice('agent:'.length);
/** The pool of the deliveries to a destination: a website that hangs takes its own share of the workers alone. */
export const destinationPool = (destination: string): string => `post:${destination}`;

/** The destination that a pool belongs to. */
export const destinationOfPool = (pool: string): string => pool.slice('post:'.length);

/** The pool of what an account forwards: its server, too, may hang. */
export const forwardPool = (accountId: string): string => `forward:${accountId}`;
/** The pool of the reports that an account's mail came back with. */
export const reportPool = (accountId: string): string => `report:${accountId}`;
/** The pool of an account's answers from templates. */
export const answerPool = (accountId: string): string => `answer:${accountId}`;
/** The lane of a rule's answers to one sender: of two mails at once the second is counted behind the first. */
export const answerLane = (accountId: string, rule: string, sender: string): string =>
  `answer:${accountId}:${rule}:${sender}`;
/** The pool of an account's late decisions: a mail server that hangs takes its own share of the workers and no other's. */
export const decisionPool = (accountId: string): string => `decide:${accountId}`;

/** The pool of an account's sends: a server that hangs takes its own share of the workers and no other's. */
export const outboxPool = (accountId: string): string => `outbox:${accountId}`;
/** The account that a pool of sends belongs to. */
export const accountOfOutbox = (pool: string): string => pool.slice('outbox:'.length);

/** Of one account what a person let go leaves before what policy let go, unless that has waited for so long. */
const PERSONS_HEAD_START_MS = 60 * 60_000;

/** The job that sends a mail. @param at when it may leave, epoch milliseconds */
export function sendJob(
  priority: string,
  at: number,
  now: number,
): { kind: 'submission.send' | 'submission.bulk'; runAt: number } {
  if (priority === 'bulk') return { kind: 'submission.bulk', runAt: at };
  return {
    kind: 'submission.send',
    runAt: priority === 'person' && at <= now ? at - PERSONS_HEAD_START_MS : at,
  };
}
/** The lane of the times that a digest is made: of two that are due at once, the second follows the first. */
export const digestLane = (digest: string): string => `digest:${digest}`;
/** The lane of a broadcast: nobody puts its mails into the outbox twice at once. */
export const broadcastLane = (broadcastId: string): string => `broadcast:${broadcastId}`;
/** The lane of what is decided later about the messages of a thread, in the order in which they came. */
export const decisionLane = (threadId: string): string => `decide:${threadId}`;
/** The lane of changes to one message that was not where it was seen (`sought`): nobody else waits for it. */
export const messageLane = (messageId: string): string => `message:${messageId}`;
/** The lane of changes to an account's mailboxes. */
export const mailboxLane = (accountId: string): string => `mailbox:${accountId}`;
/** The pool of the documents that are fetched from an account: its other work goes on beside them. */
export const documentPool = (accountId: string): string => `documents:${accountId}`;
/** The pool of what is on its way to a sink: a knowledge base that hangs holds up itself alone. */
export const sinkPool = (sink: string): string => `sink:${sink}`;
/** The sink that a pool belongs to. */
export const sinkOfPool = (pool: string): string => pool.slice('sink:'.length);
