// Tokens that nobody else can make: in the return path of a mail, by which its report is known again (VERP), and in the
// link by which a recipient leaves a list.
import { createHmac, timingSafeEqual } from 'node:crypto';

const MAC_BYTES = 10; // 80 bits: each guess is a mail or a request to us
const ID_BYTES = 16; // of the random part of a Message-ID
const LONGEST_LOCAL_CHARS = 64; // RFC 5321 §4.5.3.1.1
const LETTERS = 'abcdefghijklmnopqrstuvwxyz234567'; // RFC 4648 §6: mail servers change the case of letters
const TOKEN_CHARS = Math.ceil(((ID_BYTES + MAC_BYTES) * 8) / 5);
const TOKEN = new RegExp(`(?:^|[+=-])([a-z2-7]{${TOKEN_CHARS}})@`, 'i');
const OWN_ID = /^<([0-9a-f]{32})@/;

/** Where an account's reports go: `bounces+{token}@example.org`. */
export const TOKEN_PLACE = '{token}';

/**
 * The return path of one mail.
 * @param pattern an address with `{token}` before its @
 * @returns null where the Message-ID is none of ours, or no room for the token is left
 */
export function returnPath(pattern: string, key: Buffer, messageId: string): string | null {
  const id = OWN_ID.exec(messageId)?.[1];
  if (id === undefined) return null;
  const bytes = Buffer.from(id, 'hex');
  const address = pattern.replace(
    TOKEN_PLACE,
    base32(Buffer.concat([bytes, macOf(key, 'return path', bytes)])),
  );
  return address.indexOf('@') > LONGEST_LOCAL_CHARS ? null : address;
}

/** What a return path says: which mail it is of, if its account's key bears that out. */
export interface ReturnToken {
  /** The start of its Message-ID, up to the @. */
  messageIdStart: string;
  isGenuine(key: Buffer): boolean;
}

/** Null where an address holds no token. */
export function tokenIn(address: string): ReturnToken | null {
  const text = TOKEN.exec(address)?.[1];
  const bytes = text === undefined ? null : fromBase32(text);
  if (!bytes) return null;
  const id = bytes.subarray(0, ID_BYTES);
  const mac = bytes.subarray(ID_BYTES, ID_BYTES + MAC_BYTES);
  return {
    messageIdStart: `<${id.toString('hex')}@`,
    isGenuine: (key) => timingSafeEqual(macOf(key, 'return path', id), mac),
  };
}

/** Who leaves which list. */
export interface Leaving {
  accountId: string;
  list: string;
  address: string;
}

const LONGEST_LEAVING_CHARS = 2_000;

export function leavingToken(key: Buffer, { accountId, list, address }: Leaving): string {
  const said = Buffer.from(JSON.stringify([accountId, list, address]), 'utf8');
  return `${said.toString('base64url')}.${macOf(key, 'unsubscribe', said).toString('base64url')}`;
}

/** What a token says, and whether the key of the account in it bears it out. Null where it is none. */
export function readLeaving(token: string): (Leaving & { isGenuine(key: Buffer): boolean }) | null {
  const match = /^([\w-]{8,}={0,2})\.([\w-]{14})$/.exec(token.slice(0, LONGEST_LEAVING_CHARS));
  if (!match?.[1] || !match[2]) return null;
  const said = Buffer.from(match[1], 'base64url');
  const mac = Buffer.from(match[2], 'base64url');
  const fields = parsed(said);
  if (!fields || mac.length !== MAC_BYTES) return null;
  const [accountId, list, address] = fields;
  return {
    ...{ accountId, list, address },
    isGenuine: (key) => timingSafeEqual(macOf(key, 'unsubscribe', said), mac),
  };
}

function parsed(said: Buffer): [string, string, string] | null {
  try {
    const value: unknown = JSON.parse(said.toString('utf8'));
    const isThree =
      Array.isArray(value) && value.length === 3 && value.every((one) => typeof one === 'string');
    return isThree ? (value as [string, string, string]) : null;
  } catch {
    return null;
  }
}

/** A token for one purpose is none for the other. */
const macOf = (key: Buffer, purpose: string, said: Uint8Array): Buffer =>
  createHmac('sha256', key).update(`${purpose}\0`).update(said).digest().subarray(0, MAC_BYTES);

function base32(bytes: Uint8Array): string {
  let bits = 0n;
  for (const byte of bytes) bits = (bits << 8n) | BigInt(byte);
  const count = Math.ceil((bytes.length * 8) / 5);
  bits <<= BigInt(count * 5 - bytes.length * 8);
  let text = '';
  for (let at = count - 1; at >= 0; at--) text += LETTERS[Number((bits >> BigInt(at * 5)) & 31n)];
  return text;
}

function fromBase32(text: string): Buffer | null {
  let bits = 0n;
  for (const letter of text.toLowerCase()) bits = (bits << 5n) | BigInt(LETTERS.indexOf(letter));
  const spare = BigInt(text.length * 5 - (ID_BYTES + MAC_BYTES) * 8);
  if ((bits & ((1n << spare) - 1n)) !== 0n) return null;
  return Buffer.from((bits >> spare).toString(16).padStart((ID_BYTES + MAC_BYTES) * 2, '0'), 'hex');
}
