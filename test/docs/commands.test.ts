// What the pages say can be typed exists: scripts, commands, flags, routes, files. readme.test.ts runs the README.
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, it } from 'node:test';
import { allCommands } from '../../src/api/cli/commands.ts';
import { parseFlags } from '../../src/api/cli/flags.ts';
import { operations } from '../../src/api/operations.ts';
import { compileRules } from '../../src/rules/compile.ts';
import { blocksOf, commandsOf, PROJECT, pages, pageText, wordsOf } from './blocks.ts';

const packageJson = JSON.parse(readFileSync(join(PROJECT, 'package.json'), 'utf8')) as {
  scripts: Record<string, string>;
};
/** Doors that show all operations at one route. */
const BESIDE_OPERATIONS = new Set(['POST /mcp', 'GET /v1/sources/{consumer}/stream']);
const POSTERN = /^(?:npm run postern -- |postern )(.*)$/;
const NPM_OWN = new Set(['install', 'ci']);
const STARTERS = new Set(['start', 'sandbox', 'help']);

describe('the README', () => {
  it('has the sandbox as its first command and the tests as its second', () => {
    const [first, second] = commandsOf('README.md');
    assert.equal(first?.line, 'npm install && npm run sandbox');
    assert.equal(second?.line, 'npm test');
  });
});

for (const page of pages()) {
  describe(page, () => {
    it('links to files that are there', () => {
      for (const [, target = ''] of pageText(page).matchAll(/\]\(([^)\s]+)\)/g)) {
        if (/^[a-z]+:/.test(target)) continue;
        const file = join(PROJECT, dirname(page), target.replace(/#.*$/, ''));
        assert.ok(existsSync(file), `${target} is not there`);
      }
    });

    it('names only npm scripts that exist', () => {
      for (const [, verb = '', script] of pageText(page).matchAll(
        /\bnpm (run|test|start|install|ci)\b(?: ([\w-]+))?/g,
      )) {
        const name = verb === 'run' ? (script ?? '') : verb;
        assert.ok(NPM_OWN.has(name) || name in packageJson.scripts, `npm ${verb} ${script ?? ''}`);
      }
    });

    it('names only files that exist, by their place in the project or in src/', () => {
      for (const [, path = ''] of pageText(page).matchAll(
        /`([\w.-]+(?:\/[\w.-]+)+\.(?:ts|mjs|cjs|md|yaml|csv))`/g,
      )) {
        assert.ok(existsSync(join(PROJECT, path)) || existsSync(join(PROJECT, 'src', path)), path);
      }
    });

    const commands = commandsOf(page).flatMap(({ line }) => line.split(' && '));
    for (const line of commands.flatMap((one) => POSTERN.exec(one)?.[1] ?? [])) {
      it(`writes a command that the command line takes: ${line}`, () => {
        const words = wordsOf(line.replace(/ (?:[<>]|#\s).*$/, ''));
        if (STARTERS.has(words[0] ?? '')) return;
        const command = allCommands().find((one) => one.words.every((word, i) => words[i] === word));
        assert.ok(command, 'there is no such command');
        const { positionals } = parseFlags(words.slice(command.words.length), command.flags);
        assert.ok(positionals.length <= command.args.length, 'more arguments than the command has');
      });
    }

    for (const line of commands.filter((one) => one.startsWith('curl '))) {
      it(`asks with curl for a route that exists: ${line.slice(0, 60)}…`, () => {
        const { method, path, body } = curlOf(line);
        const operation = operations.find(
          ({ http }) =>
            http.method === method && new RegExp(`^${http.path.replace(/\{\w+\}/g, '[^/]+')}$`).test(path),
        );
        assert.ok(operation ?? BESIDE_OPERATIONS.has(`${method} ${path}`), `${method} ${path}`);
        if (body !== undefined) assert.equal(typeof JSON.parse(body), 'object');
      });
    }

    it('names in its sentences only commands and routes that there are', () => {
      const text = pageText(page);
      for (const [, said = ''] of text.matchAll(/`postern ([a-z][^`\n]*)`/g)) {
        const words = said.split(' ');
        const known = allCommands().some((one) =>
          one.words.every((word, i) => words[i] === word || /^[A-Z]+$/.test(words[i] ?? '')),
        );
        assert.ok(known || STARTERS.has(words[0] ?? ''), `postern ${said}`);
      }
      for (const [, method = '', path = ''] of text.matchAll(
        /`(GET|POST|PUT|PATCH|DELETE) (\/v1\/[^\s`?]+)/g,
      )) {
        const named = path.replace(/imap\/(OPERATION|\{operation\})/, 'imap/validate');
        const asked = named.replace(/\{\w+\}/g, 'x').split('|')[0] ?? '';
        const known = operations.some(
          ({ http }) =>
            http.method === method && new RegExp(`^${http.path.replace(/\{\w+\}/g, '[^/]+')}$`).test(asked),
        );
        assert.ok(known || BESIDE_OPERATIONS.has(`${method} ${path}`), `${method} ${path}`);
      }
    });

    it('has only rules that compile in its YAML', () => {
      for (const { language, text } of blocksOf(page)) {
        if (language === 'yaml') compileRules([{ name: 'page.yaml', text }]);
      }
    });

    for (const [index, { text }] of blocksOf(page)
      .filter(({ language }) => language === 'json')
      .entries()) {
      it(`has JSON that can be read (${index + 1})`, () => {
        JSON.parse(text);
      });
    }
  });
}

function curlOf(line: string): { method: string; path: string; body: string | undefined } {
  const words = wordsOf(line);
  const after = (flag: string): string | undefined => {
    const at = words.indexOf(flag);
    return at < 0 ? undefined : words[at + 1];
  };
  const url = words.find((word) => /^https?:/.test(word));
  assert.ok(url, 'no URL');
  const body = after('-d');
  return { method: after('-X') ?? (body === undefined ? 'GET' : 'POST'), path: new URL(url).pathname, body };
}
