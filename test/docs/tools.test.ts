// docs/tools.md names every tool with its route, and the bounds that are in force.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { it } from 'node:test';
import { statusOf } from '../../src/api/http/status.ts';
import { operations } from '../../src/api/operations.ts';
import { PosternError } from '../../src/kernel/errors.ts';

const page = readFileSync(new URL('../../docs/tools.md', import.meta.url), 'utf8');

it('docs/tools.md names every tool with its route, and no other', () => {
  const told = [...page.matchAll(/^\| `(\w+)` \| `([A-Z]+ \S+)` \|/gm)].map(
    ([, name, route]) => `${name} ${route}`,
  );
  const real = operations.flatMap(({ tool, http }) =>
    tool ? [`${tool.name} ${http.method} ${http.path}`] : [],
  );
  assert.deepEqual(told.toSorted(), real.toSorted());
});

it('docs/tools.md tells of routes that there are', () => {
  const routes = new Set(operations.map(({ http }) => `${http.method} ${http.path}`));
  for (const [, route] of page.matchAll(/`((?:GET|POST|PATCH) \/v1\/[^`\s]+)`/g))
    assert.ok(routes.has(route as string), route);
});

it('docs/tools.md tells the statuses of its codes', () => {
  for (const [, status, code] of page.matchAll(/\((\d{3})\s+`(\w+)`\)/g))
    assert.equal(statusOf(new PosternError(code as string, '')), Number(status), code);
  for (const code of ['calls_limit', 'bytes_limit']) assert.equal(statusOf(new PosternError(code, '')), 429);
});
