// What a TLS connection trusts: the authorities that Node ships, and an endpoint's own besides.
import { X509Certificate } from 'node:crypto';
import { createSecureContext, getCACertificates, type SecureContext } from 'node:tls';
import { PosternError } from '../kernel/errors.ts';

const MAX_CONTEXTS = 100; // one for each authority in use; more than anybody has

const contexts = new Map<string, SecureContext>();

/**
 * Parsing the authorities takes milliseconds, so a context is kept for each.
 * @param ca PEM
 * @throws PosternError `certificate_invalid`
 */
export function tlsContext(ca: string | undefined): SecureContext {
  const key = ca ?? '';
  const known = contexts.get(key);
  if (known) return known;
  try {
    if (ca !== undefined) new X509Certificate(ca); // OpenSSL passes over text that is none
    const context = createSecureContext({
      minVersion: 'TLSv1.2', // RFC 8996
      ...(ca === undefined ? {} : { ca: [...getCACertificates('default'), ca] }),
    });
    if (contexts.size >= MAX_CONTEXTS) contexts.clear();
    contexts.set(key, context);
    return context;
  } catch (error) {
    throw new PosternError('certificate_invalid', "The endpoint's ca is not a certificate in PEM.", {
      hint: 'Give the certificate of the authority, from -----BEGIN CERTIFICATE----- on.',
      cause: error,
    });
  }
}
