// Does a mail server answer at a name that was only guessed? Connects to public addresses alone, and says nothing.
import { connect } from 'node:net';
import { checkServerIdentity, connect as connectTls } from 'node:tls';
import { isPublicAddress } from '../network/public-address.ts';

export interface ProbeTarget {
  host: string;
  /** Of the host, resolved already: no second answer of a name server can lead elsewhere. */
  address: string;
  port: number;
  security: 'tls' | 'starttls';
}

/** verified: TLS with a certificate for the host. open: something listens. */
export type ProbeAnswer = 'verified' | 'open' | 'closed';

export type Probe = (target: ProbeTarget, signal: AbortSignal) => Promise<ProbeAnswer>;

export const probeServer: Probe = ({ host, address, port, security }, signal) => {
  if (!isPublicAddress(address) || signal.aborted) return Promise.resolve('closed');
  const { promise, resolve } = Promise.withResolvers<ProbeAnswer>();
  const tls = security === 'tls';
  const socket = tls
    ? connectTls({
        host: address,
        port,
        servername: host,
        rejectUnauthorized: false,
        checkServerIdentity: (_, certificate) => checkServerIdentity(host, certificate),
      })
    : connect({ host: address, port });
  const stop = () => resolve('closed');
  signal.addEventListener('abort', stop, { once: true });
  socket.once(tls ? 'secureConnect' : 'connect', () =>
    resolve('authorized' in socket && socket.authorized ? 'verified' : 'open'),
  );
  socket.once('error', stop);
  return promise.finally(() => {
    signal.removeEventListener('abort', stop);
    socket.on('error', () => undefined).destroy();
  });
};
