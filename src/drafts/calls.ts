// What an agent asks for while its turn runs: mail that it wants to send, and all that it does beside. It takes effect at
// once, in the order of the calls; what its answer wants comes after. The same mail asked for twice in one turn is one
// mail, so that a call may be made again whose answer was lost, and so may a turn that was cut off.
import { createHash } from 'node:crypto';
import type { Account } from '../accounts/accounts.ts';
import type {
  CallAttachment,
  CallOutcome,
  DraftCall,
  DraftChange,
  ForwardCall,
  ReplyCall,
  SendCall,
} from '../contracts/agent-call.ts';
import type { DraftContent } from '../contracts/draft.ts';
import type { Agent } from '../contracts/rule.ts';
import { notFound } from '../kernel/errors.ts';
import { newId } from '../kernel/ids.ts';
import type { Finding, PolicyRule } from '../policy/rules.ts';
import type { RuleSet } from '../rules/match.ts';
import { sessionOf } from '../sessions/capabilities.ts';
import { finishTurn, type LiveTurn, runningTurn, sessionOver, stillRuns } from '../sessions/live-turn.ts';
import { record } from '../sessions/record.ts';
import { loadTurnSubject, type TurnSubject } from '../sessions/subject.ts';
import type { SessionPrincipal } from '../sessions/tokens.ts';
import type { Store, Tx } from '../store/store.ts';
import type { Messages } from '../watch/messages.ts';
import type { Proofs } from '../watch/proofs.ts';
import { noteRefusal } from './actions.ts';
import { type CallFileParts, type CallFiles, callFiles, type FileReach } from './call-files.ts';
import { contentOf, type MailAction } from './content.ts';
import { forwardContent } from './forward-content.ts';
import { writtenIn } from './judgement.ts';
import { type Outcome, type Proposal, type ProposeParts, propose, type Within } from './propose.ts';
import { type Revision, revise } from './revise.ts';
import type { TemplateSource } from './template.ts';
import { refusedTemplate, type TemplateMail, templateMail, withTemplate } from './template-mail.ts';
import { changeMessage, doVerb, refusedVerb, type Verb, type VerbParts } from './verbs.ts';

const FIRST_OF_CALLS = 1000; // an answer has at most 50 actions
const HASHED_CHARS = 12; // of hexadecimal digits: 48 bits, which a number holds exactly
const AS_DRAFT = 'The agent wrote it as a draft, for a person to decide.';

export interface CallParts extends CallFileParts, ProposeParts, VerbParts {
  store: Store;
  messages: Pick<Messages, 'get' | 'attachment' | 'detail'>;
  proofs: Pick<Proofs, 'proveThread'>;
  rules: () => Pick<RuleSet, 'agents'>;
  templates: Pick<TemplateSource, 'find'>;
}

/** Whoever calls, and what of the mail it reaches. */
export interface Caller {
  session: SessionPrincipal;
  /** The name under which it uploads. */
  name: string;
  reaches: FileReach['reaches'];
  signal: AbortSignal;
}

/** What was read of the turn before anything is judged. */
interface Prepared {
  turn: LiveTurn;
  agent: Agent;
  subject: TurnSubject;
  account: Account;
}

export class SessionCalls {
  readonly #parts: CallParts;

  constructor(parts: CallParts) {
    this.#parts = parts;
  }

  /** @param messageId the mail that is answered; the turn's own where it is absent */
  async reply(caller: Caller, call: ReplyCall, messageId?: string): Promise<Outcome> {
    const ready = await this.#ready(caller, messageId);
    return this.#write(caller, ready, { type: 'reply', call, index: indexOf('reply', messageId, call) });
  }

  async send(caller: Caller, call: SendCall): Promise<Outcome> {
    const ready = await this.#ready(caller);
    return this.#write(caller, ready, { type: 'send', call, index: indexOf('send', undefined, call) });
  }

  /** A draft waits for a person, whatever policy would let go. */
  async draft(caller: Caller, { message_id: messageId, ...draft }: DraftCall): Promise<Outcome> {
    const index = indexOf('draft', messageId, draft);
    const ready = await this.#ready(caller, messageId);
    const { to, subject, cc, bcc, ...words } = draft;
    if (to === undefined || subject === undefined)
      return this.#write(caller, ready, { type: 'reply', call: words, index, held: AS_DRAFT });
    const call = { to, subject, ...(cc ? { cc } : {}), ...(bcc ? { bcc } : {}), ...words };
    return this.#write(caller, ready, { type: 'send', call, index, held: AS_DRAFT });
  }

  async forward(caller: Caller, call: ForwardCall, messageId: string): Promise<Outcome> {
    const { turn, agent, subject, account } = await this.#ready(caller, messageId);
    const { text } = await this.#parts.messages.detail(messageId);
    const { attachments: views } = await this.#parts.messages.get(messageId);
    const files = await this.#files(
      caller,
      account,
      call.attachments ? views.map(({ id: attachment_id }) => ({ attachment_id })) : [],
    );
    const { to, cc = [], bcc = [], note } = call;
    return this.#propose(turn, 'forward', {
      ...{ agent, subject, index: indexOf('forward', messageId, call), answers: null },
      // As with rules: what is said about a mail to whom it was forwarded is not said to its sender.
      threadId: newId('thr', this.#parts.clock.now()),
      written: note === undefined ? {} : { text: note },
      content: (sender, written) =>
        forwardContent(
          sender,
          { metadata: subject.message.metadata, content: { text } },
          { to, cc, bcc, send: 'approve', ...(written?.text === undefined ? {} : { note: written.text }) },
          files.attachments,
        ),
      origins: files.origins,
    });
  }

  /** @throws PosternError `not_found`, `draft_not_waiting`, `draft_edited` where a person has had a hand on it */
  async update(caller: Caller, draftId: string, change: DraftChange): Promise<Outcome> {
    const { turn, agent, account } = await this.#ready(caller);
    const files = change.attachments && (await this.#files(caller, account, change.attachments));
    const { attachments: _, ...words } = change;
    const revision: Revision = { draftId, turn, agent, words, files, because: AS_DRAFT };
    const outcome = await revise(
      this.#parts,
      caller.session,
      revision,
      this.#keeping(turn, files),
      this.#refusing(turn, 'draft'),
    );
    if (!outcome) throw sessionOver();
    return outcome;
  }

  /** @param messageId the mail that is meant; the turn's own where it is absent */
  async do(caller: Caller, verb: Verb, messageId?: string): Promise<CallOutcome> {
    const { turn, agent, subject } = await this.#ready(caller, messageId);
    const refused = refusedVerb(agent, verb);
    const done = await this.#within(turn, async (tx) => {
      if (refused !== null) {
        await noteRefusal(tx, turn.id, verb.type, refused.text, refused.rule);
        await this.#record(tx, turn, 'refused', {
          call: verb.type,
          reason: refused.text,
          rule: refused.rule,
        });
        return { state: 'refused' as const, reasons: [refused.text] };
      }
      if (verb.type === 'ask') await this.#record(tx, turn, 'asked', { question: verb.question });
      await doVerb(this.#parts, tx, { ...subject, messageId: subject.message.id }, verb);
      if (verb.type === 'done') await finishTurn(this.#parts, tx, turn);
      return { state: 'done' as const, reasons: [] };
    });
    if (!done) throw sessionOver();
    return done;
  }

  /** A change of a message that an operator wants: no policy has a word in it. */
  async change(
    accountId: string,
    messageId: string,
    verb: Parameters<typeof changeMessage>[4],
  ): Promise<void> {
    await this.#parts.store.write((tx) => changeMessage(this.#parts, tx, accountId, messageId, verb));
  }

  async #ready({ session, reaches, signal }: Caller, messageId?: string): Promise<Prepared> {
    const { store, messages, proofs, accounts, rules } = this.#parts;
    const turn = await runningTurn(store, session);
    const agent = rules().agents.get(session.agent);
    if (!turn || !agent) throw sessionOver();
    if (messageId !== undefined && !reaches(await messages.get(messageId)))
      throw notFound('message', messageId);
    const load = () => loadTurnSubject(store, turn.id, messageId);
    let subject = await load();
    if (agent.may.reply === 'auto' && subject?.trust.level === 'unverified') {
      // As for an answer: what can be proved of the thread's mails is proved where the policy hangs on it.
      await proofs.proveThread(subject.threadId, { isLast: true, signal });
      subject = await load();
    }
    if (!subject) throw sessionOver();
    return { turn, agent, subject, account: await accounts.get(session.accountId) };
  }

  async #write(
    caller: Caller,
    { turn, agent, subject, account }: Prepared,
    mail: { index: number; held?: string } & (
      | { type: 'reply'; call: ReplyCall }
      | { type: 'send'; call: SendCall }
    ),
  ): Promise<Outcome> {
    let made: TemplateMail | null = null;
    if (mail.type === 'send' && mail.call.template !== undefined) {
      const { template } = mail.call;
      const { granted } = await sessionOf(this.#parts.store, subject.sessionId);
      const refused = refusedTemplate(template, agent.may, granted?.may);
      if (refused) return this.#refuse(turn, mail.type, refused);
      made = await templateMail(this.#parts.templates, { ...mail.call, template });
    }
    const { template: _, data: __, language: ___, ...call } = mail.call as SendCall;
    const files = await this.#files(caller, account, mail.call.attachments ?? []);
    const action = { ...call, type: mail.type, attachments: files.attachments } as MailAction;
    const proposal: Proposal = {
      ...{ agent, subject, index: mail.index, origins: files.origins },
      written: made ? { ...writtenIn(action), text: made.written, links: made.links } : writtenIn(action),
      content: (sender, written): DraftContent => {
        const content = contentOf(sender, subject.message, { ...action, ...written } as MailAction);
        return made ? withTemplate(content, made) : content;
      },
      answers: mail.type === 'reply' ? subject.message.id : null,
      // An answer belongs to what it answers: else those of another conversation would be people of this one.
      ...(mail.type === 'reply' ? { threadId: subject.message.threadId } : {}),
      ...(mail.held === undefined ? {} : { heldBecause: mail.held }),
    };
    return this.#propose(turn, mail.type, proposal, files);
  }

  async #refuse(turn: LiveTurn, verb: string, { text, rule }: Finding): Promise<Outcome> {
    const refused = await this.#within(turn, async (tx) => {
      await this.#refusing(turn, verb)(tx, text, rule);
      return { state: 'refused' as const, draft_id: null, submission_id: null, reasons: [text] };
    });
    if (!refused) throw sessionOver();
    return refused;
  }

  #files(caller: Caller, account: Account, files: readonly CallAttachment[]): Promise<CallFiles> {
    const reach = { uploader: caller.name, reaches: caller.reaches, threadId: caller.session.threadId };
    return callFiles(this.#parts, account, reach, files);
  }

  async #propose(turn: LiveTurn, verb: string, proposal: Proposal, files?: CallFiles): Promise<Outcome> {
    const outcome = await propose(
      this.#parts,
      proposal,
      this.#keeping(turn, files),
      this.#refusing(turn, verb),
    );
    if (!outcome) throw sessionOver();
    return outcome;
  }

  /** The transaction of a mail: what it takes of uploads stays with it. */
  #keeping(turn: LiveTurn, files: CallFiles | undefined): Within {
    return (work) =>
      this.#within(turn, async (tx) => {
        const made = await work(tx);
        if (made.state !== 'refused' && files) await this.#parts.uploads.keep(tx, files.uploaded);
        return made;
      });
  }

  #refusing(turn: LiveTurn, call: string) {
    return async (tx: Tx, reason: string, rule: PolicyRule): Promise<void> => {
      await noteRefusal(tx, turn.id, call, reason, rule);
      await this.#record(tx, turn, 'refused', { call, reason, rule });
    };
  }

  /** Null where the turn has ended meanwhile, or its session was cancelled. */
  #within<T>(turn: LiveTurn, work: (tx: Tx) => Promise<T>): Promise<T | null> {
    return this.#parts.store.write(async (tx) => ((await stillRuns(tx, turn)) ? work(tx) : null));
  }

  #record(tx: Tx, turn: LiveTurn, kind: 'refused' | 'asked', data: Record<string, string>): Promise<void> {
    return record(this.#parts, tx, { sessionId: turn.sessionId, turnId: turn.id, kind, data });
  }
}

/** A number of a call within its turn, above those of an answer's actions: the same for the same call. */
function indexOf(call: string, messageId: string | undefined, input: object): number {
  const said = JSON.stringify([call, messageId ?? null, input]);
  const digits = createHash('sha256').update(said).digest('hex').slice(0, HASHED_CHARS);
  return FIRST_OF_CALLS + Number.parseInt(digits, 16);
}
