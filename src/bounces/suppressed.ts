// Whom no mail may go to: the question that every send asks. In one form of address, so that no other way to write it
// slips through: the domain in ASCII and lower case, what stands before the @ in lower case.
import type { SuppressionReason } from '../contracts/suppression.ts';
import { addressForm } from '../rules/addresses.ts';
import { keptQuery } from '../store/kept-query.ts';
import type { Reader } from '../store/store.ts';

/** Why an address gets no mail. */
export interface Suppression {
  reason: SuppressionReason;
  note: string | null;
}

/** What holds for each mail of an account, and for broadcasts besides. */
export interface SuppressionQuestion {
  accountId: string;
  /** The broadcast that the mail belongs to; null or absent: none. */
  list?: string | null | undefined;
  /** Epoch milliseconds. */
  now: number;
}

const LIST_SIZES = [2, 16, 128, 512]; // questions are padded to these, so that few statements have to be prepared
const LARGEST_LIST = 512;

/** A query of its own for each length of list: its SQL is built once. */
export const bySize = <Q>(make: () => Q): ((size: number) => Q) => {
  const known = new Map(LIST_SIZES.map((size) => [size, make()]));
  return (size) => known.get(size) as Q;
};
const rowsWith = (db: Reader, now: number, account: string, values: string[]) =>
  db
    .selectFrom('suppressions')
    .select(['value', 'reason', 'note'])
    .where('value', 'in', values)
    .where('scope', 'in', ['', account])
    .where((eb) => eb.or([eb('expires_at', 'is', null), eb('expires_at', '>', now)]));
/**
 * The same beside something else that is read with it, so that a mail that leaves costs no statement more: entries for
 * every mail, to be added to a query as `value, reason, note`.
 */
export const stopsOfEveryMail = (db: Reader, now: number, account: string, values: string[]) =>
  rowsWith(db, now, account, values).where('list', '=', '');
const forEveryMail = bySize(() =>
  keptQuery((db, now: number, account: string, ...values: string[]) =>
    stopsOfEveryMail(db, now, account, values),
  ),
);
const forBroadcast = bySize(() =>
  keptQuery((db, now: number, account: string, list: string, ...values: string[]) =>
    rowsWith(db, now, account, values).where('list', 'in', ['', '*', list]),
  ),
);

/** The form in which addresses are compared here. */
export const suppressionForm = (address: string): string => addressForm(address).address;

/**
 * Those of the addresses to which no mail of the account may go, as they were asked, and why. One indexed query for every
 * 256 of them.
 */
export async function suppressedAmong(
  db: Reader,
  { accountId, list = null, now }: SuppressionQuestion,
  addresses: readonly string[],
): Promise<Map<string, Suppression>> {
  const found = new Map<string, Suppression>();
  for (const { values, asked } of questions(addresses)) {
    const { length } = values;
    const rows =
      list === null
        ? await forEveryMail(length)(db, now, accountId, ...values)
        : await forBroadcast(length)(db, now, accountId, list, ...values);
    for (const { value, reason, note } of rows)
      for (const address of asked.get(value) ?? [])
        found.set(address, { reason: reason as SuppressionReason, note });
  }
  return found;
}

/** Lists of values to look for, each with the addresses that it would stop. */
export function* questions(
  addresses: readonly string[],
): Generator<{ values: string[]; asked: Map<string, string[]> }> {
  let asked = new Map<string, string[]>();
  const note = (value: string, address: string): void => {
    const those = asked.get(value);
    if (those) those.push(address);
    else asked.set(value, [address]);
  };
  const take = () => {
    const values = [...asked.keys()];
    const size = LIST_SIZES.find((candidate) => candidate >= values.length) ?? LARGEST_LIST;
    const filler = values[0] as string;
    while (values.length < size) values.push(filler);
    const question = { values, asked };
    asked = new Map();
    return question;
  };
  for (const address of new Set(addresses)) {
    const { address: form, domain } = addressForm(address);
    note(form, address);
    if (domain !== '') note(`@${domain}`, address);
    if (asked.size > LARGEST_LIST - 2) yield take();
  }
  if (asked.size > 0) yield take();
}
