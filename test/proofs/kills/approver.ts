// The person of the proof: looks at drafts that wait, and decides about them at odd moments; some are never decided.
import type { DraftView } from '../../../src/contracts/draft.ts';
import type { TestGateway } from '../../support/gateway.ts';
import type { Random } from '../random.ts';

type Intention = 'approve' | 'edit' | 'reject' | 'feedback' | 'leave';
const INTENTIONS: Intention[] = [
  ...Array<Intention>(12).fill('approve'),
  ...Array<Intention>(3).fill('edit'),
  'reject',
  'reject',
  'feedback',
  'leave',
  'leave',
];

export class Approver {
  /** The digests that an approval was asked for, by draft: whether or not the answer was heard. */
  readonly asked = new Map<string, Set<string>>();
  /** The approvals that were confirmed: submissions by draft. */
  readonly confirmed = new Map<string, string>();
  /** Those of which rejecting was confirmed. */
  readonly rejected = new Set<string>();
  /** What must not happen: an old digest that was taken, an answer that is none. */
  readonly problems: string[] = [];
  /** Requests of which no answer came, since the gateway was killed. */
  interrupted = 0;
  readonly #gateway: TestGateway;
  readonly #random: Random;
  readonly #intentions = new Map<string, Intention>();

  constructor(gateway: TestGateway, random: Random) {
    this.#gateway = gateway;
    this.#random = random;
  }

  /** Decides about some of what waits; all that is not to be left alone with `all`. Returns how many it decided about. */
  async look(signal: AbortSignal, all = false): Promise<number> {
    let decided = 0;
    try {
      for (const draft of this.#random.shuffled(await this.#gateway.drafts())) {
        if (signal.aborted) return decided;
        if (this.#intentionFor(draft) === 'leave' || (!all && this.#random.chance(0.3))) continue;
        await this.#decide(draft);
        decided++;
      }
    } catch (error) {
      // Without a signal it is no kill: the gateway should have answered.
      if (signal.aborted) this.interrupted++;
      else if (await this.#alive()) this.problems.push(`a request failed: ${String(error)}`);
      else this.interrupted++;
    }
    return decided;
  }

  /** Whether it will decide about this draft some day. */
  willDecide(draft: DraftView): boolean {
    return this.#intentionFor(draft) !== 'leave';
  }

  #intentionFor({ id }: DraftView): Intention {
    const known = this.#intentions.get(id);
    if (known) return known;
    const intention = this.#random.pick(INTENTIONS);
    this.#intentions.set(id, intention);
    return intention;
  }

  async #decide(draft: DraftView): Promise<void> {
    const intention = this.#intentionFor(draft);
    if (intention === 'reject' || intention === 'feedback') {
      const feedback = intention === 'feedback' ? { feedback: 'Shorter, please.' } : {};
      const { status } = await this.#post(draft, 'reject', feedback);
      if (status === 200) this.rejected.add(draft.id);
      return;
    }
    let { digest } = draft;
    if (intention === 'edit' && draft.version === 1) {
      const edited = await this.#post<DraftView>(draft, 'edit', {
        text: `${draft.text}\nEdited by a person.`,
      });
      if (edited.status !== 200) return;
      const stale = await this.#post(draft, 'approve', { digest });
      if (stale.status !== 409) this.problems.push(`${draft.id}: an old digest was answered ${stale.status}`);
      digest = edited.body.digest;
    }
    const digests = this.asked.get(draft.id) ?? new Set();
    this.asked.set(draft.id, digests.add(digest));
    const { status, body } = await this.#post<{ submission_id: string }>(draft, 'approve', { digest });
    if (status === 200) this.confirmed.set(draft.id, body.submission_id);
  }

  async #post<T>(draft: DraftView, verb: string, body: unknown) {
    const answer = await this.#gateway.request<T>('POST', `/v1/drafts/${draft.id}/${verb}`, body);
    // 409: an approval before it went through, and its answer was lost in a kill.
    if (![200, 409].includes(answer.status))
      this.problems.push(`${verb} ${draft.id} was answered ${answer.status}: ${answer.body.detail}`);
    return answer;
  }

  async #alive(): Promise<boolean> {
    return this.#gateway.get('/healthz').then(
      () => true,
      () => false,
    );
  }
}
