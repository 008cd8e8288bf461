// What servers announce, kept once for all connections to which they announce the same: the library keeps it three times
// for each connection, which is a fifth of what one takes that lies in IDLE.
import type { ImapFlow } from 'imapflow';

const MAX_KEPT = 100; // one for each kind of server

type Announced = ImapFlow['capabilities'];

/** What is shared must not be emptied by one connection. The library does that for STARTTLS only, before signing in. */
class Shared extends Map<string, boolean | number> {
  override clear(): void {
    // see above
  }
}

const kept = new Map<string, Shared>();

/** To be called once the connection is signed in: until then the library may change what it keeps. */
export function shareCapabilities(client: ImapFlow): void {
  const own = client.capabilities;
  if (own instanceof Shared) return;
  const key = [...own].flat().join(' ');
  let shared = kept.get(key);
  if (!shared) {
    shared = new Shared(own);
    if (kept.size >= MAX_KEPT) kept.clear();
    kept.set(key, shared);
  }
  client.capabilities = shared as Announced;
  (client as unknown as { rawCapabilities: unknown }).rawCapabilities = null; // the library itself never reads it
}
