// Who may be written to, by the lists of a policy: pure.
import { addressForm, addressPattern, addressTest } from '../rules/addresses.ts';
import { PatternError } from '../rules/pattern.ts';

/** An empty list allows nobody. The entries are patterns as in the rules' `from`. */
export function listTest(list: readonly string[]): (address: string) => boolean {
  const test = addressTest(list.flatMap(patternOf));
  return (address) => test(addressForm(address));
}

/** Whether an address is one of these, in any case and either form of an international domain. */
export function oneOf(addresses: readonly string[]): (address: string) => boolean {
  const people = new Set(addresses.map((one) => addressForm(one).address));
  return (address) => people.has(addressForm(address).address);
}

/** Rules with an entry that is no pattern are not taken in force; should one come here all the same, it allows nobody. */
function patternOf(entry: string): ReturnType<typeof addressPattern>[] {
  try {
    return [addressPattern(entry)];
  } catch (error) {
    if (error instanceof PatternError) return [];
    throw error;
  }
}
