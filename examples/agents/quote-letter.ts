// The letter that the example agent writes: one quote, once as plain text and once as HTML.
import type { OrderLine } from './price-list.ts';

export interface Quote {
  /** Who is addressed; empty where the name cannot be used. */
  customer: string;
  lines: readonly OrderLine[];
  /** Per cent off the total; 0 for none. */
  discount: number;
  validUntil: Date;
  /** Who signs, such as `sales@company.example`. */
  signature: string;
}

interface Row {
  quantity: string;
  name: string;
  price: string;
  total: string;
}

const LOCALE = 'en-GB';

/** The quote as the two bodies of a mail. Every value in the HTML is escaped. */
export function writeQuote(quote: Quote): { text: string; html: string; total: string } {
  const currency = quote.lines[0]?.item.currency ?? 'EUR';
  const money = new Intl.NumberFormat(LOCALE, { style: 'currency', currency });
  const write = (cents: number): string => money.format(cents / 100);
  const rows = quote.lines.map(
    ({ item, quantity }): Row => ({
      quantity: `${quantity} ${item.unit}${quantity === 1 ? '' : 's'}`,
      name: item.name,
      price: write(item.cents),
      total: write(item.cents * quantity),
    }),
  );
  const sum = quote.lines.reduce((all, { item, quantity }) => all + item.cents * quantity, 0);
  const off = Math.round((sum * quote.discount) / 100);
  const sums: [string, string][] = off > 0 ? [[`Discount ${quote.discount} %`, write(-off)]] : [];
  sums.push(['Total', write(sum - off)]);

  const day = new Intl.DateTimeFormat(LOCALE, { dateStyle: 'long', timeZone: 'UTC' }).format(
    quote.validUntil,
  );
  const greeting = quote.customer ? `Dear ${quote.customer},` : 'Hello,';
  const opening = 'thank you for your enquiry. We are glad to offer you:';
  const closing = [
    ...quote.lines
      .filter((line) => !line.quantityGiven)
      .map(
        ({ item }) => `You did not say how many you need of ${item.name}: the price is for one ${item.unit}.`,
      ),
    `Prices are without VAT. This quote is valid until ${day}.`,
    'Just answer this mail to order, or if anything should be different.',
  ];
  return {
    text: [
      greeting,
      '',
      opening,
      '',
      ...table(rows, sums),
      '',
      ...closing,
      '',
      'Kind regards',
      quote.signature,
      '',
    ].join('\n'),
    html: page(greeting, opening, rows, sums, closing, quote.signature),
    total: write(sum - off),
  };
}

function table(rows: readonly Row[], sums: readonly [string, string][]): string[] {
  const width = (texts: string[]): number => Math.max(...texts.map((text) => text.length));
  const quantityWidth = width(rows.map((row) => row.quantity));
  const nameWidth = width([...rows.map((row) => row.name), ...sums.map(([label]) => label)]);
  const priceWidth = width(rows.map((row) => row.price));
  const totalWidth = width([...rows.map((row) => row.total), ...sums.map(([, amount]) => amount)]);
  const line = (quantity: string, name: string, price: string, total: string): string =>
    `  ${quantity.padStart(quantityWidth)}  ${name.padEnd(nameWidth)}  ${price.padStart(priceWidth + 2)}  ${total.padStart(totalWidth)}`;
  return [
    ...rows.map((row) => line(row.quantity, row.name, `@ ${row.price}`, row.total)),
    ...sums.map(([label, amount]) => line('', label, '', amount)),
  ];
}

function page(
  greeting: string,
  opening: string,
  rows: readonly Row[],
  sums: readonly [string, string][],
  closing: readonly string[],
  signature: string,
): string {
  const right = ' style="text-align:right;padding:2px 12px"';
  const left = ' style="text-align:left;padding:2px 12px"';
  const heads = `<tr><th${right}>Quantity</th><th${left}>Item</th><th${right}>Unit price</th><th${right}>Total</th></tr>`;
  const body = rows.map(
    (row) =>
      `<tr><td${right}>${escapeHtml(row.quantity)}</td><td${left}>${escapeHtml(row.name)}</td>` +
      `<td${right}>${escapeHtml(row.price)}</td><td${right}>${escapeHtml(row.total)}</td></tr>`,
  );
  const foot = sums.map(
    ([label, amount]) =>
      `<tr><td></td><td${left}><b>${escapeHtml(label)}</b></td><td></td><td${right}><b>${escapeHtml(amount)}</b></td></tr>`,
  );
  return [
    `<p>${escapeHtml(greeting)}</p>`,
    `<p>${escapeHtml(opening)}</p>`,
    '<table>',
    heads,
    ...body,
    ...foot,
    '</table>',
    ...closing.map((sentence) => `<p>${escapeHtml(sentence)}</p>`),
    `<p>Kind regards<br>${escapeHtml(signature)}</p>`,
    '',
  ].join('\n');
}

export function escapeHtml(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll("'", '&#39;');
}
