// Who holds a lease: host and process, so that a later process on the same host can tell that the holder is gone and
// need not wait for the lease to run out.
import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';

/** Tells this process from an earlier one of the same number: in a container the first one is always 1. */
const RUN = randomBytes(4).toString('hex');

let holders = 0;

/** A new name for a holder in this process. */
export const newOwner = (): string => `${hostname()}/${process.pid}/${RUN}/${++holders}`;

/** Whether the process of another owner is known to have ended. */
export function isGone(owner: string): boolean {
  const [host, pid, run] = owner.split('/');
  if (host !== hostname() || pid === undefined) return false;
  if (Number(pid) === process.pid) return run !== RUN;
  try {
    process.kill(Number(pid), 0);
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH';
  }
}
