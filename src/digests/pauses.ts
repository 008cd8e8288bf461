// Digests that a person holds up: what is due meanwhile does not come, and is not made up for.
import type { DigestDefinition } from '../contracts/digest.ts';
import { afterCommit } from '../store/store.ts';
import { type FiringParts, fireDue } from './firings.ts';
import { nextAfter } from './schedule.ts';

type PauseParts = Pick<FiringParts, 'store' | 'clock' | 'bus' | 'log' | 'jobs'>;

export async function pauseDigest(parts: PauseParts, digest: DigestDefinition, by: string): Promise<void> {
  await fireDue(parts, digest); // what was due before the word of the person came is not stopped by it
  await set(parts, digest.name, { paused_at: parts.clock.now(), paused_by: by });
}

/** It comes again at the next time that is still to come. */
export async function resumeDigest(parts: PauseParts, digest: DigestDefinition): Promise<void> {
  await fireDue(parts, digest);
  await set(parts, digest.name, {
    ...{ paused_at: null, paused_by: null },
    next_at: nextAfter(digest, parts.clock.now()),
  });
}

async function set(
  { store, clock, bus }: PauseParts,
  name: string,
  change: { paused_at: number | null; paused_by: string | null; next_at?: number | null },
): Promise<void> {
  await store.write(async (tx) => {
    await tx
      .updateTable('digest_schedules')
      .set({ ...change, updated_at: clock.now() })
      .where('name', '=', name)
      .execute();
    const state = change.paused_at === null ? 'on' : 'paused';
    afterCommit(tx, () => bus.publish('digest.changed', { digest: name, state }));
  });
}
