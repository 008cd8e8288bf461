// The people of the proof: one who decides about drafts, answers questions and cancels, and customers who write back. Each
// request may be cut off by a kill; whoever asks again is told that it was done.
import type { DraftView } from '../../../src/contracts/draft.ts';
import type { SessionView } from '../../../src/contracts/session.ts';
import type { Random } from '../random.ts';
import type { World } from './world.ts';

const MOST_TURNS = 4; // of a session; then its draft is approved

export class Person {
  /** What must not happen: an answer that is none. */
  readonly problems: string[] = [];
  readonly #world: World;
  readonly #random: Random;
  readonly #answered = new Set<string>();

  constructor(world: World, random: Random) {
    this.#world = world;
    this.#random = random;
  }

  /** Does what there is to do. @returns whether there was anything; true also where a kill cut it off */
  async look(over: AbortSignal): Promise<boolean> {
    try {
      const did = [await this.#sessions(over), await this.#drafts(over)];
      return did.includes(true);
    } catch (error) {
      if (!over.aborted && this.#world.gateway.url !== '' && !isCut(error)) this.problems.push(String(error));
      return true;
    }
  }

  /** Those that got a mail and have not answered it may. */
  async customers(): Promise<void> {
    for (const { raw } of this.#world.smtp.messages()) {
      const head = raw.toString('latin1');
      const messageId = /^Message-ID: (<.*>)\r?$/im.exec(head)?.[1] ?? '';
      const subject = /^Subject: (.*?)\r?$/im.exec(head)?.[1] ?? '';
      if (messageId === '' || this.#answered.has(messageId)) continue;
      this.#answered.add(messageId);
      if (this.#random.chance(0.4)) await this.#world.answer({ messageId, subject });
    }
  }

  async #sessions(over: AbortSignal): Promise<boolean> {
    let did = false;
    for (const session of await this.#world.gateway.sessions()) {
      if (over.aborted) return did;
      const { id, state, rule } = session;
      if (rule === 'cancelled' && isOpen(session)) {
        await this.#post(`/v1/sessions/${id}/cancel`, {});
        did = true;
      } else if (rule === 'asked' && state === 'waiting-for-answer') {
        await this.#post(`/v1/sessions/${id}/answer`, { text: 'It costs 5.' });
        did = true;
      }
    }
    return did;
  }

  async #drafts(over: AbortSignal): Promise<boolean> {
    const drafts = await this.#world.gateway.drafts();
    for (const draft of this.#random.shuffled(drafts)) {
      if (over.aborted) return true;
      await this.#decide(draft);
    }
    return drafts.length > 0;
  }

  async #decide(draft: DraftView): Promise<void> {
    const path = `/v1/drafts/${draft.id}`;
    const turn = Number(/ turn (\d+)/.exec(draft.text)?.[1] ?? MOST_TURNS);
    if (turn < MOST_TURNS && this.#random.chance(0.3))
      return this.#post(`${path}/reject`, { feedback: 'Shorter, please.' });
    let { digest } = draft;
    if (draft.version === 1 && this.#random.chance(0.2)) {
      await this.#post(`${path}/edit`, { text: `${draft.text}\nEdited by a person.` });
      digest = (await this.#world.gateway.get<DraftView>(path)).digest;
    }
    await this.#post(`${path}/approve`, { digest });
  }

  async #post(path: string, body: unknown): Promise<void> {
    const { status, body: answer } = await this.#world.gateway.request('POST', path, body);
    // 409: it went through before, and the answer was lost in a kill, or the session came to its end meanwhile.
    if (![200, 409].includes(status)) this.problems.push(`${path} was answered ${status}: ${answer.detail}`);
  }
}

const isOpen = ({ state }: SessionView): boolean => !['cancelled', 'expired', 'failed'].includes(state);
/** What fetch says of a server that is gone. */
const isCut = (error: unknown): boolean =>
  error instanceof TypeError || (error as { name?: string }).name === 'AbortError';
