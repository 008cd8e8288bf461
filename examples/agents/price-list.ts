// The price list of the example agent: reading it, and finding in a mail what is asked for.
import { readFileSync } from 'node:fs';

export interface Item {
  name: string;
  /** Every way to say it, each as lower-case words in the singular; the longest first. */
  wordings: string[][];
  unit: string;
  /** The price of one unit in hundredths of the currency. */
  cents: number;
  currency: string;
}

export interface OrderLine {
  item: Item;
  quantity: number;
  /** False where the mail names the item and says not how many; the quantity is then 1. */
  quantityGiven: boolean;
}

const COLUMNS = 'item,also called,unit,price,currency';
const MAX_TEXT_CHARS = 20_000; // a mail that asks for a quote is shorter, and whatever comes is read in linear time
const MAX_QUANTITY = 100_000; // more than that is a slip or a trick: such a number is not taken for a quantity
const MAX_WORDS_BETWEEN = 3; // "20 of your lovely Falcon desks"
const NUMBER_WORDS =
  'zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen ' +
  'eighteen nineteen twenty';
const NUMBERS = new Map(NUMBER_WORDS.split(' ').map((word, value) => [word, value]));
/** May stand between an item and a quantity that follows it: "Falcon desk x 20". */
const BEFORE_LATE_QUANTITY = new Set(['x', '×', '*', ':', '=', 'qty', 'quantity']);

/** Reads a CSV file with the columns item, also called (by semicolons), unit, price, currency. Throws on a bad line. */
export function readPriceList(file: URL | string): Item[] {
  const [header, ...lines] = readFileSync(file, 'utf8').trim().split(/\r?\n/);
  if (header !== COLUMNS) throw new Error(`The first line of the price list must be: ${COLUMNS}`);
  return lines.map((line, index) => {
    const fields = line.split(',').map((field) => field.trim());
    const [name, alsoCalled, unit, price, currency] = fields;
    const problem = `Line ${index + 2} of the price list is not right: ${line}`;
    if (fields.length !== 5 || !name || !unit || !/^[A-Z]{3}$/.test(currency ?? '')) throw new Error(problem);
    if (!/^\d{1,7}\.\d{2}$/.test(price ?? '')) throw new Error(problem);
    const wordings = [name, ...(alsoCalled ?? '').split(';')]
      .map(wordsOf)
      .filter((words) => words.length > 0);
    wordings.sort((a, b) => b.length - a.length);
    return { name, wordings, unit, cents: Math.round(Number(price) * 100), currency: currency as string };
  });
}

/**
 * What a text asks for: "20 Falcon desks and 5 chairs", "3 x Lamp", "Falcon desk: 20". A quantity belongs to the item
 * in the same clause, the nearest before it first. An item asked for twice is one line with the sum.
 */
export function findOrder(text: string, items: readonly Item[]): OrderLine[] {
  const order = new Map<Item, OrderLine>();
  for (const clause of clausesOf(text.slice(0, MAX_TEXT_CHARS))) {
    const words = clause.split(' ').filter(Boolean);
    const singular = words.map(singularOf);
    for (let at = 0; at < words.length; ) {
      const found = itemAt(singular, at, items);
      if (!found) {
        at += 1;
        continue;
      }
      const quantity = quantityBefore(words, at) ?? quantityAfter(words, at + found.length);
      add(order, found.item, quantity);
      at += found.length;
    }
  }
  return [...order.values()].map((line) => ({ ...line, quantity: Math.min(line.quantity, MAX_QUANTITY) }));
}

function add(order: Map<Item, OrderLine>, item: Item, quantity: number | undefined): void {
  const line = order.get(item);
  if (!line) {
    order.set(item, { item, quantity: quantity ?? 1, quantityGiven: quantity !== undefined });
  } else if (quantity !== undefined) {
    line.quantity = line.quantityGiven ? line.quantity + quantity : quantity;
    line.quantityGiven = true;
  }
}

/** Pieces of a text that speak of one thing each: between line ends, commas, "and" and the like. */
function clausesOf(text: string): string[] {
  return text
    .toLowerCase()
    .replace(/(?<=\d)[.,'’](?=\d{3}(?!\d))/g, '') // 1,000 and 1.000 are numbers, not two clauses
    .replace(/(?<=\d)x(?= )/g, ' x') // 3x Lamp
    .replace(/([:×*=])/g, ' $1 ')
    .split(/[\r\n,;&+!?]|\. |\b(?:and|plus|und|et)\b/)
    .map((clause) => clause.replace(/[^\p{L}\p{N}:×*=-]+/gu, ' '));
}

function itemAt(words: string[], at: number, items: readonly Item[]): { item: Item; length: number } | null {
  let best: { item: Item; length: number } | null = null;
  for (const item of items) {
    const wording = item.wordings.find((one) => one.every((word, i) => words[at + i] === word));
    if (wording && wording.length > (best?.length ?? 0)) best = { item, length: wording.length };
  }
  return best;
}

function quantityBefore(words: string[], at: number): number | undefined {
  for (let i = at - 1; i >= Math.max(at - 1 - MAX_WORDS_BETWEEN, 0); i--) {
    const quantity = quantityOf(words[i]);
    if (quantity !== undefined) return quantity;
  }
  return undefined;
}

function quantityAfter(words: string[], at: number): number | undefined {
  const next = BEFORE_LATE_QUANTITY.has(words[at] ?? '') ? at + 1 : at;
  return quantityOf(words[next]);
}

function quantityOf(word: string | undefined): number | undefined {
  if (word === undefined) return undefined;
  const value = /^\d{1,9}$/.test(word) ? Number(word) : NUMBERS.get(word);
  return value !== undefined && value >= 1 && value <= MAX_QUANTITY ? value : undefined;
}

function wordsOf(text: string): string[] {
  return text.toLowerCase().split(/\s+/).filter(Boolean).map(singularOf);
}

function singularOf(word: string): string {
  return word.length > 3 && word.endsWith('s') && !word.endsWith('ss') ? word.slice(0, -1) : word;
}
