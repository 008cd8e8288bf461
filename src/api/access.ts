// Who may do what. Two kinds of principal: an operator's key, which may do everything, and the token of a session, which
// reaches its own thread and nothing else. What is foreign to a session does not exist for it.
import { notFound, PosternError } from '../kernel/errors.ts';
import type { SessionPrincipal } from './rooms.ts';

export type { SessionPrincipal };

export interface KeyPrincipal {
  kind: 'key';
  id: string;
  name: string;
}

export type Principal = KeyPrincipal | SessionPrincipal;

export const permissions = [
  'accounts:read',
  'accounts:write',
  'accounts:connect',
  'accounts:export_secrets',
  'mailboxes:read',
  'mailboxes:write',
  'sources:consume',
  'messages:read',
  'messages:parse',
  'messages:organise',
  'mail:propose',
  'rules:read',
  'rules:write',
  'rules:test',
  'deliveries:read',
  'deliveries:retry',
  'knowledge:search',
  'knowledge:read',
  'knowledge:write',
  'agents:read',
  'agents:control',
  'sessions:list',
  'sessions:read',
  'sessions:control',
  'sessions:act',
  'endpoints:read',
  'endpoints:control',
  'drafts:read',
  'drafts:decide',
  'artifacts:read',
  'objects:read',
  'objects:write',
  'uploads:write',
  'links:read',
  'links:write',
  'submissions:read',
  'submissions:send',
  'suppressions:read',
  'suppressions:write',
  'digests:read',
  'digests:control',
  'broadcasts:read',
  'broadcasts:make',
  'broadcasts:decide',
  'templates:read',
  'domains:read',
  'domains:write',
  'dead_letters:read',
  'dead_letters:retry',
  'events:read',
  'metrics:read',
  'audit:read',
  'sql:read',
  'vault:read',
  'vault:rotate',
] as const;
export type Permission = (typeof permissions)[number];

/**
 * Deciding about drafts and sending must never come into this list: an agent cannot approve itself. Each of them reaches
 * what is the session's own, and what it asks for is judged by its agent's policy.
 */
const SESSION_PERMISSIONS: ReadonlySet<Permission> = new Set([
  'messages:read',
  'messages:organise',
  'mail:propose',
  'sessions:read',
  'sessions:act',
  'drafts:read',
  'objects:read',
  'objects:write',
  'knowledge:search',
]);

export function permits(principal: Principal, permission: Permission): boolean {
  return principal.kind === 'key' || SESSION_PERMISSIONS.has(permission);
}

/** @throws PosternError `forbidden` */
export function demand(principal: Principal, permission: Permission): void {
  if (permits(principal, permission)) return;
  throw new PosternError('forbidden', `A session's token has no permission ${permission}.`, {
    hint: 'A session may read and organise the messages of its own thread, and ask for mail; the rest is for people.',
  });
}

/** What a list of messages or threads is held to: a session's thread, or its account where its policy says so. */
export function reachOf(principal: Principal): { account?: string; thread?: string } {
  if (principal.kind === 'key') return {};
  const { accountId: account, threadId: thread, capability } = principal;
  return capability?.may.read === 'account' ? { account } : { account, thread };
}

/** Whether what lies there is there for the principal. */
export function reaches(principal: Principal, place: { account_id: string; thread_id: string }): boolean {
  const { account = place.account_id, thread = place.thread_id } = reachOf(principal);
  return place.account_id === account && place.thread_id === thread;
}

/** A session sees what it reaches only. @throws PosternError `not_found`, as for what does not exist */
export function demandThread(
  principal: Principal,
  place: { account_id: string; thread_id: string },
  what: string,
  id: string,
): void {
  if (!reaches(principal, place)) throw notFound(what, id);
}

/** Operations of a session about itself are of no use to a key. @throws PosternError `session_needed` */
export function demandSession(principal: Principal): SessionPrincipal {
  if (principal.kind === 'session') return principal;
  throw new PosternError('session_needed', 'This is for the token of a session.', {
    hint: 'An operator sends mail with POST /v1/submissions.',
  });
}

/** The name under which a decision is recorded. */
export const nameOf = (principal: Principal): string =>
  principal.kind === 'key' ? principal.name : `session ${principal.sessionId}`;

/** What tells two principals apart, for keys that each has of its own. */
export const identityOf = (principal: Principal): string =>
  principal.kind === 'key' ? `key:${principal.id}` : `session:${principal.sessionId}`;
