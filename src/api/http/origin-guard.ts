// Against pages of strangers: a browser says in Origin whose page sends a request, and programs send none. What a page may
// not even try is refused before anything is read.
import { isIP } from 'node:net';
import { PosternError } from '../../kernel/errors.ts';
import { isLoopback } from './host-guard.ts';

/**
 * Checks the Origin header of requests to a gateway that listens on `boundTo`: absent, of the public URL, or, on loopback,
 * of a page on this machine. The function throws PosternError `origin_refused`.
 */
export function originGuard(boundTo: string, publicUrl: string | null): (origin: string | undefined) => void {
  const publicOrigin = publicUrl === null ? null : new URL(publicUrl).origin;
  return (header) => {
    if (header === undefined) return;
    const url = URL.parse(header);
    if (url && ['http:', 'https:'].includes(url.protocol)) {
      if (url.origin === publicOrigin) return;
      const host = url.hostname.replace(/^\[|\]$/g, '');
      if (isLoopback(boundTo) && (isIP(host) !== 0 || host === 'localhost') && isLoopback(host)) return;
    }
    throw new PosternError('origin_refused', 'A page of this origin may not ask this gateway.', {
      hint: 'Set POSTERN_PUBLIC_URL where the page is served under the name of the gateway.',
    });
  };
}
