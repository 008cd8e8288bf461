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
  'endpoints:read',
  'endpoints:control',
  'drafts:read',
  'drafts:decide',
  'artifacts:read',
  'objects:read',
  'objects:write',
  'submissions:read',
  'submissions:send',
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

/** Deciding about drafts and sending must never come into this list: an agent cannot approve itself. */
const SESSION_PERMISSIONS: ReadonlySet<Permission> = new Set([
  'messages:read',
  'sessions:read',
  'knowledge:search', // where the agent's policy names the tool: the operation looks
]);

export function permits(principal: Principal, permission: Permission): boolean {
  return principal.kind === 'key' || SESSION_PERMISSIONS.has(permission);
}

/** @throws PosternError `forbidden` */
export function demand(principal: Principal, permission: Permission): void {
  if (permits(principal, permission)) return;
  throw new PosternError('forbidden', `A session's token has no permission ${permission}.`, {
    hint: 'A session may read the messages of its own thread and itself; the rest is for people.',
  });
}

/** A session sees its own thread only. @throws PosternError `not_found`, as for what does not exist */
export function demandThread(
  principal: Principal,
  place: { account_id: string; thread_id: string },
  what: string,
  id: string,
): void {
  if (principal.kind === 'key') return;
  if (place.account_id !== principal.accountId || place.thread_id !== principal.threadId)
    throw notFound(what, id);
}

/** The name under which a decision is recorded. */
export const nameOf = (principal: Principal): string =>
  principal.kind === 'key' ? principal.name : `session ${principal.sessionId}`;

/** What tells two principals apart, for keys that each has of its own. */
export const identityOf = (principal: Principal): string =>
  principal.kind === 'key' ? `key:${principal.id}` : `session:${principal.sessionId}`;
