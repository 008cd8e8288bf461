// The headers of a mail to many: how one leaves the list, which list it is, and that machines are not to answer.
import type { DraftContent } from '../contracts/draft.ts';
import { PosternError } from '../kernel/errors.ts';
import { parseRecipient } from '../mail/recipient.ts';

const MAX_LINK_CHARS = 900; // nothing folds a link, and a line has 998 octets
const LINK = /^https:\/\/[\x21-\x7e]+$/;
const LIST_ID = /^[A-Za-z0-9](?:[A-Za-z0-9._-]{0,248}[A-Za-z0-9])?$/;
const LANGUAGE = /^[A-Za-z]{2,8}(?:-[A-Za-z0-9]{1,8}){0,8}$/;

type Said = Pick<DraftContent, 'list_unsubscribe' | 'list_id' | 'precedence' | 'language'>;

/** @throws PosternError `mail_not_composable`, `recipient_invalid` */
export function listHeaders({
  list_unsubscribe,
  list_id,
  precedence,
  language,
}: Said): Record<string, string> {
  const headers: Record<string, string> = {};
  if (list_unsubscribe) {
    const { https, mailto } = list_unsubscribe;
    const links = [checkedLink(https), ...(mailto === undefined ? [] : [mailLink(mailto)])];
    headers['List-Unsubscribe'] = links.map((link) => `<${link}>`).join(', ');
    headers['List-Unsubscribe-Post'] = 'List-Unsubscribe=One-Click'; // RFC 8058 §3.1
  }
  if (list_id !== undefined) {
    if (!LIST_ID.test(list_id))
      throw notComposable('list id', 'Write it as a host name, such as news.example.org.');
    headers['List-Id'] = `<${list_id}>`;
  }
  if (precedence !== undefined) headers.Precedence = precedence;
  if (language !== undefined) {
    if (!LANGUAGE.test(language)) throw notComposable('language', 'Write a BCP 47 tag such as de or pt-BR.');
    headers['Content-Language'] = language;
  }
  return headers;
}

/** What is misread as an encoded word, or ends the link, is refused. */
function checkedLink(link: string): string {
  const isSound =
    link.length <= MAX_LINK_CHARS && LINK.test(link) && !/[<>,"\\]|=\?/.test(link) && URL.canParse(link);
  if (isSound) return link;
  throw notComposable(
    'link to unsubscribe',
    `Give a link of https in plain ASCII, of up to ${MAX_LINK_CHARS} characters.`,
  );
}

/** @param written `mailto:leave@example.org?subject=…`, or the address alone */
function mailLink(written: string): string {
  const [address = '', query] = written.replace(/^mailto:/i, '').split('?', 2);
  const subject = query === undefined ? '' : (/^subject=([\w%.~-]{1,900})$/.exec(query)?.[1] ?? null);
  if (subject === null)
    throw notComposable('address to unsubscribe', 'Give an address, with at most a subject.');
  const target = parseRecipient(address).address;
  const link = `mailto:${encodeURIComponent(target).replace('%40', '@')}${subject === '' ? '' : `?subject=${subject}`}`;
  if (link.length <= MAX_LINK_CHARS) return link;
  throw notComposable('address to unsubscribe', `Give one of up to ${MAX_LINK_CHARS} characters.`);
}

const notComposable = (what: string, hint: string): PosternError =>
  new PosternError('mail_not_composable', `The mail has a ${what} that cannot stand in a header.`, { hint });
