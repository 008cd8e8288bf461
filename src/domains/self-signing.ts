// Providers whose mail needs no signature from here.
import type { ProviderId } from '../contracts/provider.ts';

/** They sign what is sent through them, or write it anew so that a signature from here would not hold. */
const SIGN_THEMSELVES: ReadonlySet<ProviderId> = new Set(['gmail', 'microsoft365', 'outlook', 'exchange']);

export const signsItself = (provider: ProviderId | undefined): boolean =>
  provider !== undefined && SIGN_THEMSELVES.has(provider);
