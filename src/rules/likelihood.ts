// How likely a mail has a fact, by judgement: the index files a rule under the fact that brings it up least in vain. An
// error here costs time, never a match.
import type { Key } from './checks.ts';

const ONE_LABEL = 0.3; // below `com` or `example` lies much of the world
const BY_LENGTH = [1, 0.5, 0.2, 0.03, 0.02, 0.01, 0.005]; // of a literal: index by its characters
const LONG_LITERAL = 0.003;
const TEXT_TYPE = 0.95;
const OTHER_TYPE = 0.1;

// Until the text of a mail was read, every rule that is filed under a word of it comes up: any other fact is better.
const WORD_OF_THE_TEXT = 1e6;

/** Between 0 and 1, but for what only reading the text can tell. */
export function likelihoodOf({ kind, value }: Key): number {
  if (kind === 'text literal') return WORD_OF_THE_TEXT;
  if (kind.endsWith(' literal')) return BY_LENGTH[value.length] ?? LONG_LITERAL;
  if (kind.endsWith(' address')) return 0.001;
  if (kind.endsWith(' domain')) return 0.003;
  if (kind.endsWith(' below')) return value.includes('.') ? 0.005 : ONE_LABEL;
  switch (kind) {
    case 'header':
      return 0.05;
    case 'type':
      return value.startsWith('text/') ? TEXT_TYPE : OTHER_TYPE;
    case 'main type':
      return value === 'text' ? TEXT_TYPE : OTHER_TYPE * 2;
    case 'attachment':
      return 0.3;
    case 'account':
      return 0.5;
    default:
      return 0.9; // a mailbox
  }
}
