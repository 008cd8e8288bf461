#!/usr/bin/env node
// The command `postern`. Plain JavaScript that an older Node understands: Postern itself runs on Node 24, which the
// package brings along, so on an older one this starts that and hands everything through.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { constants } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const NODE_MAJOR = 24; // type stripping and node:sqlite without flags

if (Number(process.versions.node.split('.')[0]) >= NODE_MAJOR) {
  await import('../src/main.ts');
} else {
  const node = ownNode();
  if (node) runWith(node);
  else {
    console.error(
      `Postern needs Node ${NODE_MAJOR} or newer, and this is Node ${process.versions.node}. ` +
        'Install a newer Node, or run `npm ci` in the folder of Postern, which brings its own.',
    );
    process.exitCode = 1;
  }
}

/** The path of the Node that the package `node` holds, or undefined. */
function ownNode() {
  try {
    const folder = dirname(createRequire(import.meta.url).resolve('node/package.json'));
    return ['bin/node', 'bin/node.exe'].map((name) => join(folder, name)).find((path) => existsSync(path));
  } catch {
    return undefined;
  }
}

function runWith(node) {
  const self = fileURLToPath(import.meta.url);
  const child = spawn(node, [self, ...process.argv.slice(2)], { stdio: 'inherit' });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    process.on(signal, () => {
      // A terminal sends SIGINT to both; a second one would tell Postern to end at once.
      if (signal !== 'SIGINT' || !process.stdin.isTTY) child.kill(signal);
    });
  }
  child.on('error', (error) => {
    console.error(`Node ${NODE_MAJOR} could not be started: ${error.message}`);
    process.exitCode = 1;
  });
  child.on('exit', (code, signal) => {
    process.exit(code ?? 128 + (constants.signals[signal] ?? 0));
  });
}
