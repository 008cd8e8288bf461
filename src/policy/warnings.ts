// What warns of a mail, in words for the person who is asked.
import type { TrustFlag } from '../contracts/mail.ts';

const WORDS: Record<TrustFlag, string> = {
  'name-shows-address': 'its display name shows another address than it is from',
  'reply-to-elsewhere': 'its Reply-To is in another domain than its From',
  'mixed-scripts': 'its names mix letters of different scripts',
  lookalike: 'its address looks like that of somebody known, and is another',
  'name-of-another': 'its display name is that of somebody known, and its address is another',
  'several-from': 'it names several senders',
};

export const inWords = (flags: readonly TrustFlag[]): string => flags.map((flag) => WORDS[flag]).join('; ');
