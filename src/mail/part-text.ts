// What one text part says, as it was written: nothing is hidden, joined or made of HTML. For programs that look at mail
// closely; people and agents read `contentOf`.
import { decodeCharset } from './charset.ts';
import { charsetOf, MAX_HTML_CHARS, type TransferredPart } from './content.ts';
import { decodeTransfer } from './transfer.ts';

const TEXT =
  /^text\/|^message\/(global-)?(delivery-status|disposition-notification|feedback-report|headers)$/;

/** Whether a part of this media type holds text: what people write, and the reports that programs write. */
export const isText = (type: string): boolean => TEXT.test(type);

/** Decoded, with LF line ends; cut where it is longer than any text that is kept. */
export function partText({ part, bytes, truncated }: TransferredPart): { text: string; truncated: boolean } {
  const decoded = decodeCharset(decodeTransfer(bytes, part.encoding), charsetOf(part, bytes));
  const text = decoded.replace(/\r\n?/g, '\n');
  if (text.length <= MAX_HTML_CHARS) return { text, truncated };
  return { text: text.slice(0, MAX_HTML_CHARS).toWellFormed(), truncated: true };
}
