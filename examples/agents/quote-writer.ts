// An agent that needs no model: it reads a customer's mail, looks up what is asked for in prices.csv and writes a quote.
//
// Postern starts it once for every turn, gives it one event as JSON on stdin, and reads its answer as JSON from stdout.
// It sends nothing itself: what it answers becomes a draft, and its policy says who must agree before that leaves.
import { text as readAll } from 'node:stream/consumers';
import type { Item, OrderLine } from './price-list.ts';
import { findOrder, readPriceList } from './price-list.ts';
import { escapeHtml, writeQuote } from './quote-letter.ts';

/** The fields that this agent reads of Postern's event. */
export interface Event {
  type: 'message.received' | 'draft.rejected' | 'question.answered';
  timestamp: string;
  data: {
    account: { address: string };
    message: {
      from: { name: string; address: string } | null;
      subject: string;
      text: string;
      reply_text: string;
    };
    /** What a person wrote who rejected the draft or answered the question. */
    feedback?: string;
  };
}

export type Action =
  | { type: 'reply'; text: string; html: string }
  | { type: 'ask'; question: string }
  | { type: 'done'; summary: string };

export interface Answer {
  actions: Action[];
}

const VALID_DAYS = 30;
const MAX_DISCOUNT_PERCENT = 30; // more than that no feedback gives away: a person edits the draft instead
const MAX_NAME_CHARS = 60;
const MAX_SHOWN_CHARS = 300;
const MS_PER_DAY = 86_400_000;

/** What to do about an event. Pure: the same event and prices give the same answer. */
export function answerTo(event: Event, items: readonly Item[]): Answer {
  const { message, feedback = '' } = event.data;
  if (event.type === 'question.answered') {
    const lines = findOrder(feedback, items);
    return lines.length > 0 ? quote(event, lines, 0) : letter(event, feedback);
  }

  const lines = orderIn(message, items);
  if (event.type === 'draft.rejected') {
    const discount = discountIn(feedback);
    if (discount > 0 && lines.length > 0) return quote(event, lines, discount);
    return { actions: [{ type: 'done', summary: 'A person rejected the quote; nothing is sent.' }] };
  }
  if (lines.length > 0) return quote(event, lines, 0);
  const question =
    `${message.from?.address ?? 'Somebody'} asks for a quote, and nothing in the mail is on the price list. ` +
    `What should be offered (such as "10 Falcon desks"), or what should be answered?\n\n${shortened(message.reply_text || message.text)}`;
  return { actions: [{ type: 'ask', question }] };
}

/** What the mail asks for: by its own words (all of its text where it has none of its own), else by its subject. */
function orderIn(message: Event['data']['message'], items: readonly Item[]): OrderLine[] {
  // Not by what it quotes: an answer to a quote would order everything again.
  for (const text of [message.reply_text.trim() || message.text, message.subject]) {
    const lines = findOrder(text, items);
    if (lines.length > 0) return lines;
  }
  return [];
}

function quote(event: Event, lines: OrderLine[], discount: number): Answer {
  const { text, html, total } = writeQuote({
    customer: nameOf(event.data.message.from?.name ?? ''),
    lines,
    discount,
    validUntil: new Date(Date.parse(event.timestamp) + VALID_DAYS * MS_PER_DAY),
    signature: event.data.account.address,
  });
  const items = lines.map((line) => `${line.quantity} × ${line.item.name}`).join(', ');
  return {
    actions: [
      { type: 'reply', text, html },
      { type: 'done', summary: `Quoted ${items}: ${total}.` },
    ],
  };
}

/** A person's own words to the customer, put into a letter. */
function letter(event: Event, words: string): Answer {
  const name = nameOf(event.data.message.from?.name ?? '');
  const parts = [
    name ? `Dear ${name},` : 'Hello,',
    words.trim(),
    `Kind regards\n${event.data.account.address}`,
  ];
  const html = parts.map((part) => `<p>${escapeHtml(part).replaceAll('\n', '<br>')}</p>\n`).join('');
  return {
    actions: [
      { type: 'reply', text: `${parts.join('\n\n')}\n`, html },
      { type: 'done', summary: 'Answered in the words of the person who was asked.' },
    ],
  };
}

/** "give them 5 % off" → 5; 0 where no discount is named or it is too large. */
function discountIn(feedback: string): number {
  const percent = Number(/(?<![\d.,-])(\d{1,3})\s?%/.exec(feedback)?.[1] ?? 0);
  return percent <= MAX_DISCOUNT_PERCENT ? percent : 0;
}

/** A display name is whatever the sender wrote. One that is not a plain name is left out of the greeting. */
function nameOf(displayName: string): string {
  const name = displayName.trim();
  return name.length <= MAX_NAME_CHARS && /^[\p{L}\p{M}][\p{L}\p{M}.'’ -]*$/u.test(name) ? name : '';
}

function shortened(text: string): string {
  const plain = text.replace(/\p{C}+/gu, ' ').trim();
  return plain.length > MAX_SHOWN_CHARS ? `${plain.slice(0, MAX_SHOWN_CHARS)} …` : plain;
}

if (import.meta.main) {
  const event = JSON.parse(await readAll(process.stdin)) as Event;
  const items = readPriceList(new URL('prices.csv', import.meta.url));
  process.stdout.write(`${JSON.stringify(answerTo(event, items))}\n`);
}
