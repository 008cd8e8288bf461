// Who makes a call over MCP. The SDK hands what it calls authentication from the HTTP request on to each handler; for us
// that is the principal of this one request, and never that of the request which opened a session.
import type { AuthInfo, ServerContext } from '@modelcontextprotocol/server';
import { identityOf, type Principal } from '../access.ts';

export interface Caller {
  principal: Principal;
  requestId: string;
}

/** The token itself stays behind: no handler has a use for it. */
export const authOf = (caller: Caller): AuthInfo => ({
  token: '',
  clientId: identityOf(caller.principal),
  scopes: [],
  extra: { caller },
});

/** @throws Error for a request that did not come through the door: a bug */
export function callerOf(context: Pick<ServerContext, 'http'>): Caller {
  return callerIn(context.http?.authInfo);
}

/** @throws Error as `callerOf` */
export function callerIn(auth: AuthInfo | undefined): Caller {
  const caller = auth?.extra?.caller as Caller | undefined;
  if (!caller) throw new Error('an MCP request has no caller');
  return caller;
}
