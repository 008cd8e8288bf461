// The fenced blocks and links of the pages that people read: the tests beside this file run and check them.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const PROJECT = fileURLToPath(new URL('../../', import.meta.url));

export interface Block {
  page: string;
  language: string;
  text: string;
  /** The headline above it. */
  section: string;
}

/** README, CONTRIBUTING and everything in docs/, by their paths in the project. */
export function pages(): string[] {
  const docs = readdirSync(join(PROJECT, 'docs')).filter((name) => name.endsWith('.md'));
  return ['README.md', 'CONTRIBUTING.md', ...docs.map((name) => `docs/${name}`)];
}

export const pageText = (page: string): string =>
  readFileSync(join(PROJECT, page), 'utf8').replaceAll('\r\n', '\n');

export function blocksOf(page: string): Block[] {
  const blocks: Block[] = [];
  let section = '';
  let open: Block | undefined;
  for (const line of pageText(page).split('\n')) {
    const fence = /^```\s*(\w*)/.exec(line);
    if (fence && open) {
      blocks.push(open);
      open = undefined;
    } else if (fence) {
      open = { page, language: fence[1] ?? '', text: '', section };
    } else if (open) {
      open.text += `${line}\n`;
    } else {
      section = /^#+ (.+)$/.exec(line)?.[1] ?? section;
    }
  }
  return blocks;
}

/** The commands of a page's `sh` blocks, one a line, comments left out. */
export function commandsOf(page: string): { line: string; section: string }[] {
  return blocksOf(page)
    .filter(({ language }) => language === 'sh')
    .flatMap(({ text, section }) =>
      text
        .replaceAll('\\\n', ' ')
        .split('\n')
        .map((line) => line.trim())
        .filter((line) => line && !line.startsWith('#'))
        .map((line) => ({ line, section })),
    );
}

/** The words of a line as a POSIX shell splits it, as far as the pages use it: no expansion, both kinds of quotes. */
export function wordsOf(line: string): string[] {
  const words: string[] = [];
  for (const [word] of line.matchAll(/(?:[^\s'"]|'[^']*'|"[^"]*")+/g)) {
    words.push(word.replace(/'([^']*)'|"([^"]*)"/g, (_, single, double) => single ?? double));
  }
  return words;
}
