// A server's certificate in words, and whether it will soon run out.
import type { PeerCertificate, TLSSocket } from 'node:tls';
import { quote } from './greeting.ts';

const DAY_MS = 86_400_000;
const WARN_DAYS = 14; // automatic renewal happens a month before the end: by now it has failed
const MOST_NAMES = 20;

export interface CertificateFacts {
  subject: string;
  /** As in the certificate: `mail.example.org`, `*.example.org`, `127.0.0.1`. */
  names: string[];
  issuer: string;
  /** ISO 8601, UTC. */
  valid_from: string | null;
  valid_to: string | null;
  /** Whole days; below 0 when it has run out. */
  days_left: number | null;
}

/** Null where the server showed none. */
export function certificateFacts(socket: TLSSocket, now: number): CertificateFacts | null {
  const found: Partial<PeerCertificate> = socket.getPeerCertificate();
  if (!found.subject) return null;
  const from = Date.parse(found.valid_from ?? '');
  const to = Date.parse(found.valid_to ?? '');
  return {
    subject: nameOf(found.subject),
    names: (found.subjectaltname ?? '')
      .split(', ')
      .map((name) => quote(name.replace(/^(DNS|IP Address):/, '')))
      .filter((name) => name !== '')
      .slice(0, MOST_NAMES),
    issuer: nameOf(found.issuer),
    valid_from: Number.isNaN(from) ? null : new Date(from).toISOString(),
    valid_to: Number.isNaN(to) ? null : new Date(to).toISOString(),
    days_left: Number.isNaN(to) ? null : Math.floor((to - now) / DAY_MS),
  };
}

/** What to say of a certificate that still holds, but not for long. */
export function expiryWarning({ days_left: days }: CertificateFacts): string | null {
  if (days === null || days >= WARN_DAYS || days < 0) return null;
  const when = days === 0 ? 'within a day' : days === 1 ? 'in 1 day' : `in ${days} days`;
  return `The certificate runs out ${when}: see that it is renewed, or Postern will not connect any more.`;
}

function nameOf(name: PeerCertificate['subject'] | undefined): string {
  const { CN: common, O: organisation } = (name ?? {}) as { CN?: unknown; O?: unknown };
  const parts = [common, organisation].filter((part) => typeof part === 'string' && part !== '');
  return quote([...new Set(parts)].join(', '));
}
