// Signs a mail by DKIM (RFC 6376, RFC 8463) as it leaves: the lines that stand above its Date. The approved bytes stay as they
// are below. Written here and not taken from a library: mailauth and nodemailer cover only the fields that a mail has, and
// a field that is added later (a second From, a Reply-To) would not break their signatures.
import { createHash, type KeyObject, sign } from 'node:crypto';
import { promisify } from 'node:util';
import type { Account } from '../accounts/accounts.ts';
import type { DkimAlgorithm } from '../contracts/domain.ts';
import { signsItself } from '../domains/self-signing.ts';
import type { SigningDomain, SigningKeys } from '../domains/signing-keys.ts';
import { domainOf, isSameOrganisation } from '../mail/trust/domains.ts';
import { dateLine } from './compose.ts';
import type { Piece } from './mail-content.ts';
import { headerFields, RelaxedMail, relaxedField } from './relaxed.ts';

const LINE_CHARS = 74; // RFC 5322 §2.1.1 wants at most 78

/** Each may stand in a mail once: signed whether or not it is there, so that nobody can add one, or another. */
const SINGLE = [
  ...['From', 'To', 'Cc', 'Subject', 'Date', 'Message-ID', 'In-Reply-To', 'References', 'Reply-To'],
  ...['MIME-Version', 'Content-Type', 'Content-Transfer-Encoding'],
];
/** Signed where they are there. Mailing lists add them to mails that are otherwise left as they were. */
const IF_PRESENT = ['List-Unsubscribe', 'List-Unsubscribe-Post', 'List-Id', 'Auto-Submitted'];

// With a callback the work is done beside the event loop: an RSA signature takes a millisecond.
const signAside = promisify<string | undefined, Buffer, KeyObject, Buffer>(sign);

/**
 * The lines that sign a mail of an account, each with its CRLF; null: it leaves unsigned.
 * @param at its Date, epoch milliseconds
 * @throws what reading the mail and its keys throws: it must not leave unsigned then
 */
export type SignMail = (
  account: Pick<Account, 'settings'>,
  at: number,
  mail: Piece,
) => Promise<string | null>;

export const mailSigner =
  (keys: Pick<SigningKeys, 'of'>): SignMail =>
  async ({ settings }, at, mail) => {
    if (settings.dkim === 'off' || signsItself(settings.provider)) return null;
    const account = domainOf(settings.address);
    return signatureLines(dated(at, mail), at, async (header) => {
      const from = fromDomain(header);
      // Keys are for those who send from their domain, and an account with a From of another one is not among them.
      return isSameOrganisation(from, account) ? keys.of(from) : null;
    });
  };

/** What leaves above the approved bytes: the signature, where there is one, and the Date line. */
export const topLines = (signature: string | null, at: number): Buffer =>
  Buffer.concat([Buffer.from(signature ?? '', 'latin1'), dateLine(at)]);

async function* dated(at: number, mail: Piece): AsyncGenerator<Buffer> {
  yield dateLine(at);
  if (Buffer.isBuffer(mail)) yield mail;
  else yield* mail.read();
}

/**
 * The header lines that sign a mail, each with its CRLF; null where nobody has a key for it. The same keys and the same
 * mail make the same lines.
 * @param mail all of it with CRLF line ends, its Date line included; it is read once, and held by the line
 * @param at `t=`, epoch milliseconds
 * @param keysFor the keys for a mail whose header is this one; null: it leaves unsigned, and is read no further
 * @throws what reading `mail` and `keysFor` throw, PosternError `mail_not_composable`
 */
export async function signatureLines(
  mail: AsyncIterable<Buffer> | Iterable<Buffer>,
  at: number,
  keysFor: (header: string) => Promise<SigningDomain | null>,
): Promise<string | null> {
  const relaxed = new RelaxedMail();
  let signing: SigningDomain | null = null;
  for await (const piece of mail) {
    relaxed.add(piece);
    if (signing !== null || relaxed.header === null) continue;
    signing = await keysFor(relaxed.header);
    if (signing === null || signing.keys.length === 0) return null;
  }
  if (signing === null || relaxed.header === null) return null;
  const bodyHash = relaxed.end();
  const { names, signed } = covered(relaxed.header);
  const { domain, keys } = signing;
  const fields = await Promise.all(
    keys.map(async ({ selector, algorithm, key }) => {
      const tags = [
        ...['v=1', `a=${algorithm}-sha256`, 'c=relaxed/relaxed', `d=${domain}`, `s=${selector}`],
        ...[`t=${Math.floor(at / 1000)}`, `h=${names.join(':')}`, `bh=${bodyHash}`, 'b='],
      ];
      const unsigned = `DKIM-Signature: ${folded(tags)}`;
      const own = relaxedField({ name: 'dkim-signature', text: unsigned });
      const signature = await signed256(`${signed}${own}`, algorithm, key);
      return `${unsigned}${cut(signature).join('\r\n\t')}\r\n`;
    }),
  );
  return fields.join('');
}

/** RFC 8463 §3: Ed25519 signs the hash itself. */
async function signed256(text: string, algorithm: DkimAlgorithm, key: KeyObject): Promise<string> {
  const data = Buffer.from(text, 'latin1');
  const signature =
    algorithm === 'rsa'
      ? await signAside('sha256', data, key)
      : await signAside(undefined, createHash('sha256').update(data).digest(), key);
  return signature.toString('base64');
}

/** The names of `h=`, and the fields themselves in that order. Of several of one name the last comes first (§5.4.2). */
function covered(header: string): { names: string[]; signed: string } {
  const fields = headerFields(header);
  const names: string[] = [];
  let signed = '';
  for (const [list, once] of [
    [SINGLE, 1],
    [IF_PRESENT, 0],
  ] as const)
    for (const name of list) {
      const own = fields.filter((field) => field.name === name.toLowerCase()).reverse();
      for (const field of own) signed += `${relaxedField(field)}\r\n`;
      for (let count = own.length + once; count > 0; count--) names.push(name);
    }
  return { names, signed };
}

/** Tags in lines; a list of names may go on in the next line behind a colon. */
function folded(tags: readonly string[]): string {
  let text = '';
  let line = 'DKIM-Signature: '.length;
  for (const [index, tag] of tags.entries()) {
    const pieces = tag.startsWith('h=') ? tag.split(/(?<=:)/) : [tag];
    for (const [at, piece] of pieces.entries()) {
      const end = at === pieces.length - 1 && index < tags.length - 1 ? ';' : '';
      const space = at === 0 && index > 0 ? ' ' : '';
      // `b=` begins a line: its value fills those that follow.
      if (index === tags.length - 1 || line + space.length + piece.length + 1 > LINE_CHARS) {
        text += `\r\n\t${piece}${end}`;
        line = 8 + piece.length;
      } else {
        text += `${space}${piece}${end}`;
        line += space.length + piece.length + end.length;
      }
    }
  }
  return text;
}

function cut(signature: string): string[] {
  const lines: string[] = [];
  for (let at = 0; at < signature.length; at += LINE_CHARS - 8)
    lines.push(signature.slice(at, at + LINE_CHARS - 8));
  return lines;
}

/** The domain of the address in a From header that compose.ts wrote; empty where there is none. */
export function fromDomain(header: string): string {
  const from = headerFields(header).filter(({ name }) => name === 'from');
  const [field] = from;
  if (!field || from.length > 1) return '';
  const address = /<([^<>\s]*)>$/.exec(relaxedField(field))?.[1] ?? relaxedField(field).slice('from:'.length);
  return /^[^@\s]+@([A-Za-z0-9.-]+)$/.exec(address)?.[1]?.toLowerCase() ?? '';
}
