// Turns what sockets and TLS throw into an error that a person understands, with a stable code and what to do about it.
// It reads Node's and OpenSSL's codes only, wherever a mail library has put them: on the error, as `originalCode`, in
// its `cause` or in the parts of an AggregateError.
import { PosternError } from './errors.ts';

export interface Where {
  protocol: 'IMAP' | 'SMTP' | 'S3';
  host: string;
  port: number;
}

/** The codes that `explainNetworkError` gives. */
export type NetworkErrorCode =
  | 'dns'
  | 'connection_refused'
  | 'connection_lost'
  | 'unreachable'
  | 'timeout'
  | 'certificate_invalid'
  | 'tls_refused';

interface Explanation {
  code: NetworkErrorCode;
  /** Goes on after “The IMAP server mail.example.org:993”. */
  says: string;
  hint: string;
}

const MAX_CAUSES = 10; // a chain of causes may be a ring; no library nests deeper

const SECURITY_HINT =
  'Check port and security: "tls" is usual on 993 and 465, "starttls" on 143 and 587, "none" only inside your own network.';
const NAME_HINT = 'Check the host name for typing mistakes, and that this machine can resolve names.';
const REACH_HINT = 'Check host and port, and that no firewall stands between.';
const AUTHORITY_HINT =
  'If the server belongs to you or your company, put the authority\'s certificate (PEM) into the endpoint\'s "ca".';

const invalid = (says: string, hint: string): Explanation => ({ code: 'certificate_invalid', says, hint });
const untrusted = (says: string): Explanation => invalid(says, AUTHORITY_HINT);
const unreachable: Explanation = { code: 'unreachable', says: 'cannot be reached', hint: REACH_HINT };
const timedOut: Explanation = { code: 'timeout', says: 'did not answer in time', hint: REACH_HINT };
const lost: Explanation = {
  code: 'connection_lost',
  says: 'closed the connection',
  hint: 'It may be restarting or refuse too many connections; where this stays, check port and security.',
};
const unknownName: Explanation = {
  code: 'dns',
  says: 'has no address: the name is not known',
  hint: NAME_HINT,
};
const noResolver: Explanation = { code: 'dns', says: 'could not be looked up', hint: NAME_HINT };
const notTls: Explanation = {
  code: 'tls_refused',
  says: 'does not speak TLS where TLS was expected',
  hint: SECURITY_HINT,
};
const oldTls: Explanation = {
  code: 'tls_refused',
  says: 'offers no TLS version or cipher that is safe to use (TLS 1.2 at least)',
  hint: 'Update the server, or ask its operator to.',
};

/** By the codes of Node and OpenSSL. */
const EXPLANATIONS = new Map<string, Explanation>([
  ['ENOTFOUND', unknownName],
  ['ENODATA', unknownName],
  ['EAI_NONAME', unknownName],
  ['EAI_AGAIN', noResolver],
  ['EAI_FAIL', noResolver],
  ['ESERVFAIL', noResolver],
  ['EREFUSED', noResolver], // a name server's refusal; ECONNREFUSED is the host's
  ['ETIMEOUT', noResolver], // c-ares; ETIMEDOUT is a socket's
  [
    'ECONNREFUSED',
    {
      code: 'connection_refused',
      says: 'refuses connections: nothing listens on that port',
      hint: 'Check the port, and that the server is running.',
    },
  ],
  ['EHOSTUNREACH', unreachable],
  ['EHOSTDOWN', unreachable],
  ['ENETUNREACH', unreachable],
  ['ENETDOWN', unreachable],
  ['EADDRNOTAVAIL', unreachable],
  ['EACCES', unreachable],
  ['EPERM', unreachable],
  ['ETIMEDOUT', timedOut],
  ['ESOCKETTIMEDOUT', timedOut],
  ['ECONNRESET', lost],
  ['ECONNABORTED', lost],
  ['EPIPE', lost],
  ['ERR_STREAM_PREMATURE_CLOSE', lost],
  ['CERT_HAS_EXPIRED', invalid('has a certificate that has expired', 'Ask its operator to renew it.')],
  [
    'CERT_NOT_YET_VALID',
    invalid('has a certificate that is not valid yet', "Check this machine's clock and the certificate."),
  ],
  ['CERT_REVOKED', invalid('has a certificate that was revoked', 'Ask its operator for a new one.')],
  ['DEPTH_ZERO_SELF_SIGNED_CERT', untrusted('has a self-signed certificate')],
  [
    'SELF_SIGNED_CERT_IN_CHAIN',
    untrusted('has a certificate whose chain ends in an authority that is not trusted'),
  ],
  ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', untrusted('has a certificate of an authority that is not known')],
  ['UNABLE_TO_GET_ISSUER_CERT', untrusted('has a certificate of an authority that is not known')],
  ['UNABLE_TO_GET_ISSUER_CERT_LOCALLY', untrusted('has a certificate of an authority that is not known')],
  ['CERT_UNTRUSTED', untrusted('has a certificate that is not trusted')],
  ['CERT_REJECTED', untrusted('has a certificate that is not trusted')],
  ['CERT_SIGNATURE_FAILURE', untrusted('has a certificate with a wrong signature')],
  ['CERT_CHAIN_TOO_LONG', untrusted('has a chain of certificates that is too long')],
  ['INVALID_CA', untrusted('has a certificate of an authority that may not issue any')],
  ['INVALID_PURPOSE', untrusted('has a certificate that is not meant for servers')],
  ['ERR_SSL_WRONG_VERSION_NUMBER', notTls],
  ['ERR_SSL_PACKET_LENGTH_TOO_LONG', notTls],
  ['ERR_SSL_HTTP_REQUEST', notTls],
  ['ERR_SSL_UNSUPPORTED_PROTOCOL', oldTls],
  ['ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION', oldTls],
  ['ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE', oldTls],
  ['ERR_SSL_SSL/TLS_ALERT_HANDSHAKE_FAILURE', oldTls],
  ['ERR_SSL_NO_PROTOCOLS_AVAILABLE', oldTls],
  ['ERR_SSL_DH_KEY_TOO_SMALL', oldTls],
]);

/**
 * What a connection's failure means, or null where the error does not come from the network or TLS.
 * All of them may pass by themselves, so each says `retry: 'later'`.
 */
export function explainNetworkError(error: unknown, where: Where): PosternError | null {
  const details = { host: where.host, port: where.port };
  const server = `The ${where.protocol} server ${where.host}:${where.port}`;
  for (const each of causesOf(error)) {
    for (const code of [each.code, each.originalCode, each.authorizationError]) {
      if (typeof code !== 'string') continue;
      const found = code === 'ERR_TLS_CERT_ALTNAME_INVALID' ? nameMismatch(each) : explain(code);
      if (!found) continue;
      return new PosternError(found.code, `${server} ${found.says}.`, {
        retry: 'later',
        hint: found.hint,
        details: { ...details, cause: code },
        cause: error,
      });
    }
  }
  return null;
}

interface ErrorFields {
  code?: unknown;
  originalCode?: unknown;
  authorizationError?: unknown;
  cause?: unknown;
  errors?: unknown;
  cert?: { subjectaltname?: unknown; subject?: { CN?: unknown } };
}

/** The error, its causes and the parts of an AggregateError, from the outside in. */
function causesOf(error: unknown): ErrorFields[] {
  const found: ErrorFields[] = [];
  const left: unknown[] = [error];
  while (left.length > 0 && found.length < MAX_CAUSES) {
    const next = left.shift();
    if (typeof next !== 'object' || next === null) continue;
    const fields = next as ErrorFields;
    found.push(fields);
    if (Array.isArray(fields.errors)) left.push(...fields.errors.slice(0, MAX_CAUSES));
    if (fields.cause !== undefined) left.push(fields.cause);
  }
  return found;
}

function explain(code: string): Explanation | undefined {
  const found = EXPLANATIONS.get(code);
  if (found) return found;
  // Other codes of OpenSSL's TLS layer: the handshake failed in some rarer way.
  if (!code.startsWith('ERR_SSL_')) return undefined;
  return {
    code: 'tls_refused',
    says: `could not agree on TLS (${code.slice(0, 80)})`,
    hint: SECURITY_HINT,
  };
}

const MAX_NAMES_CHARS = 200; // enough to see whose certificate it is

function nameMismatch(error: ErrorFields): Explanation {
  const names = error.cert?.subjectaltname ?? error.cert?.subject?.CN;
  const holds =
    typeof names === 'string' ? ` (${names.replace(/[^\x20-\x7e]/g, '?').slice(0, MAX_NAMES_CHARS)})` : '';
  return invalid(
    `has a certificate for another name${holds}`,
    "Use the host name that the certificate was made for, usually the provider's own.",
  );
}
