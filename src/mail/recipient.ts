// Recipients as agents, people and settings write them: one plain address, with or without a name. Far less than RFC 5322
// allows, so that what a person reads, what is approved and what RCPT TO says cannot be three different things.
import { domainToASCII, domainToUnicode } from 'node:url';
import type { Address } from '../contracts/mail.ts';
import { PosternError } from '../kernel/errors.ts';

const MAX_TEXT_CHARS = 998; // a line of a mail (RFC 5322 §2.1.1)
const MAX_LOCAL_OCTETS = 64; // RFC 5321 §4.5.3.1.1
const MAX_DOMAIN_OCTETS = 253; // RFC 1035 §2.3.4, as text
const MAX_LABEL_OCTETS = 63; // RFC 1035 §2.3.4
const MAX_ADDRESS_OCTETS = 254; // a path of 256 with its brackets (RFC 5321 §4.5.3.1.3)
const SHOWN_CHARS = 100; // of what was refused

// Control characters, invisible and direction-changing ones, lone surrogates, line and paragraph separators. The two
// joiners that scripts and emoji need are left out.
const HIDDEN = /(?![\u200c\u200d])[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Zl}\p{Zp}]/u;
const DOT_ATOM = /^[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*$/;
const LABEL = /^[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?$/;
const NOT_ASCII = /[^\x20-\x7e]/;
const INTERNATIONAL_DOMAIN = /^[\p{L}\p{N}\p{M}.-]+$/u;
const SPECIAL_IN_NAME = /[()<>[\]:;@\\,"]/;

const HINT = 'Write one address such as anna@example.org or Anna Muster <anna@example.org>.';

/**
 * Reads `local@domain`, `Name <local@domain>` or `"Name" <local@domain>`. The `address` it returns is exactly what goes
 * to RCPT TO; a domain in another script is given by its A-labels (RFC 5890).
 * @throws PosternError `recipient_invalid` for everything else
 */
export function parseRecipient(text: string): Address {
  if (text.length > MAX_TEXT_CHARS) throw refuse(text, 'is too long');
  if (HIDDEN.test(text)) throw refuse(text, 'holds a control character or an invisible one');
  const trimmed = text.replace(/^ +| +$/g, '');
  if (trimmed === '') throw refuse(text, 'is empty');
  if (!trimmed.endsWith('>')) return { name: '', address: addressOf(trimmed, text) };
  const open = trimmed.lastIndexOf('<');
  if (open < 0) throw refuse(text, 'has a > without a <');
  const name = nameOf(trimmed.slice(0, open).trimEnd(), text);
  return { name, address: addressOf(trimmed.slice(open + 1, -1), text) };
}

function nameOf(written: string, text: string): string {
  if (written === '') throw refuse(text, 'has angle brackets but no name before them');
  if (written.includes('=?'))
    throw refuse(text, 'has an encoded word in its name; write the name as it reads');
  if (!written.startsWith('"')) {
    if (SPECIAL_IN_NAME.test(written)) {
      throw refuse(
        text,
        'has a name with one of ( ) < > [ ] : ; @ \\ , " outside of quotes, or is several addresses',
      );
    }
    return written;
  }
  const quoted = /^"((?:[^"\\]|\\["\\])*)"$/.exec(written)?.[1];
  if (quoted === undefined) throw refuse(text, 'has quotes around its name that do not match');
  const name = quoted.replace(/\\(["\\])/g, '$1').trim();
  if (name === '') throw refuse(text, 'has an empty name in quotes');
  return name;
}

function addressOf(written: string, text: string): string {
  const at = written.indexOf('@');
  if (at < 0) throw refuse(text, 'has no @');
  if (written.includes('@', at + 1)) throw refuse(text, 'has more than one @');
  const local = written.slice(0, at);
  if (local.length > MAX_LOCAL_OCTETS)
    throw refuse(text, `has more than ${MAX_LOCAL_OCTETS} characters before the @`);
  if (NOT_ASCII.test(local)) {
    throw refuse(text, 'has letters before the @ that need SMTPUTF8, which is not supported yet');
  }
  if (!DOT_ATOM.test(local))
    throw refuse(text, 'has characters before the @ that a plain address does not have');
  const address = `${local}@${domainOf(written.slice(at + 1), text)}`;
  if (address.length > MAX_ADDRESS_OCTETS)
    throw refuse(text, `has more than ${MAX_ADDRESS_OCTETS} characters`);
  return address;
}

function domainOf(written: string, text: string): string {
  const ascii = NOT_ASCII.test(written) ? aLabels(written, text) : written;
  const labels = ascii.split('.');
  const plain = labels.every((label) => label.length <= MAX_LABEL_OCTETS && LABEL.test(label));
  if (!plain || ascii.length > MAX_DOMAIN_OCTETS) throw refuse(text, 'has a domain that is not a host name');
  if (labels.length < 2) throw refuse(text, 'has a domain without a dot');
  if (/^\d+$/.test(labels.at(-1) ?? ''))
    throw refuse(text, 'has an IP address or a number in the place of a domain');
  // A label that decodes to nothing would be another name to every reader; Node leaves such a one as it is.
  if (/(?:^|\.)xn--/i.test(domainToUnicode(ascii)))
    throw refuse(text, 'has a domain with a broken xn-- label');
  return ascii;
}

/** RFC 5891. Only letters, digits and marks: the URL standard would also decode %xx and fold look-alikes. */
function aLabels(written: string, text: string): string {
  const readsAsWritten = INTERNATIONAL_DOMAIN.test(written) && written.normalize('NFKC') === written;
  const ascii = readsAsWritten ? domainToASCII(written) : '';
  if (ascii === '') throw refuse(text, 'has a domain that is no international domain name');
  return ascii;
}

function refuse(text: string, why: string): PosternError {
  const start = text.slice(0, SHOWN_CHARS).toWellFormed().replace(new RegExp(HIDDEN, 'gu'), '\ufffd');
  const shown = JSON.stringify(start) + (text.length > SHOWN_CHARS ? '…' : '');
  return new PosternError('recipient_invalid', `The recipient ${shown} ${why}.`, {
    hint: HINT,
    details: { recipient: start },
  });
}
