// Who is asking: the bearer token is the operator's key or that of a running session.
import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { PosternError } from '../../kernel/errors.ts';
import type { Principal } from '../access.ts';
import type { Rooms } from '../rooms.ts';

const BEARER = /^Bearer +([A-Za-z0-9._~+/-]{1,512}=*)$/i; // RFC 6750 §2.1

export type SignIn = (req: IncomingMessage) => Promise<Principal>;

/** Tells who a request is from. The function throws PosternError `unauthorized`. */
export function signInWith(adminToken: string, sessions: Pick<Rooms['sessions'], 'principalOf'>): SignIn {
  const expected = sha256(adminToken);
  return async (req) => {
    const token = BEARER.exec(req.headers.authorization ?? '')?.[1];
    if (token === undefined) {
      throw new PosternError('unauthorized', 'This needs a bearer token.', {
        hint: 'Send `Authorization: Bearer …` with the admin token; the gateway says at start where it lies.',
      });
    }
    // Hashed first, so that both sides have one length and the comparison takes one time.
    if (timingSafeEqual(sha256(token), expected)) return { kind: 'key', id: 'admin', name: 'admin' };
    const session = await sessions.principalOf(token);
    if (session) return session;
    throw new PosternError('unauthorized', 'The bearer token is not known, or no longer.', {
      hint: 'A session token ends with its session.',
    });
  };
}

const sha256 = (text: string): Buffer => createHash('sha256').update(text).digest();
