// The pages of docs/: the front page leads to each of them, their links lead somewhere, and every setting is told.
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { it } from 'node:test';
import { settingNames } from '../../src/config/config.ts';

const PROJECT = new URL('../../', import.meta.url);
const read = (path: string): string => readFileSync(new URL(path, PROJECT), 'utf8');
const pages = readdirSync(new URL('docs/', PROJECT)).filter((name) => name.endsWith('.md'));

it('the README leads to every page', () => {
  const readme = read('README.md');
  assert.deepEqual(
    pages.filter((page) => !readme.includes(`](docs/${page})`)),
    [],
  );
});

it('no link of a page leads to a file that is not there', () => {
  const lost: string[] = [];
  for (const page of ['README.md', 'CONTRIBUTING.md', ...pages.map((name) => `docs/${name}`)]) {
    for (const [, link] of read(page).matchAll(/\]\(((?!\w+:|#)[^)#\s]+)/g))
      if (!existsSync(new URL(link as string, new URL(page, PROJECT)))) lost.push(`${page}: ${link}`);
  }
  assert.deepEqual(lost, []);
});

it('docs/settings.md has every setting, and no other', () => {
  const told = [...read('docs/settings.md').matchAll(/^\| `(POSTERN_\w+)` \|/gm)].map(([, name]) => name);
  assert.deepEqual(told.toSorted(), [...settingNames].toSorted());
});

it('every file that docs/architecture.md names is there', () => {
  const names = /`((?:[a-z-]+\/)+[a-z0-9-]+\.ts)`/g;
  const lost = [...read('docs/architecture.md').matchAll(names)].filter(
    ([, path]) => ![`src/${path}`, path as string].some((file) => existsSync(new URL(file, PROJECT))),
  );
  assert.deepEqual(
    lost.map(([, path]) => path),
    [],
  );
});
