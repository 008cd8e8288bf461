// Against DNS rebinding: a page in the operator's browser may point a name of its own at 127.0.0.1 and speak to us. Such
// a request carries that name in its Host header, so a gateway on loopback answers to known names only.
import { isIP } from 'node:net';
import { PosternError } from '../../kernel/errors.ts';

export const isLoopback = (host: string): boolean =>
  host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'));

/**
 * Checks the Host header of requests to a gateway that listens on `boundTo`.
 * The function throws PosternError `host_refused`.
 */
export function hostGuard(boundTo: string, publicUrl: string | null): (host: string | undefined) => void {
  if (!isLoopback(boundTo)) return () => undefined;
  const publicHost = publicUrl === null ? null : new URL(publicUrl).hostname;
  return (header) => {
    const name = hostnameOf(header);
    if (name !== null && (isIP(name) !== 0 || name === 'localhost' || name === publicHost)) return;
    throw new PosternError('host_refused', 'This gateway is not known under the name in the Host header.', {
      hint: 'Use its address or localhost, or set POSTERN_PUBLIC_URL.',
    });
  };
}

/** The host of a Host header without its port and brackets, in lower case; null where it is none. */
function hostnameOf(header: string | undefined): string | null {
  if (header === undefined || !/^[A-Za-z0-9.:[\]_-]{1,300}$/.test(header)) return null;
  try {
    return new URL(`http://${header}`).hostname.replace(/^\[|\]$/g, '');
  } catch {
    return null;
  }
}
