import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { startProcess } from './process.ts';

const node = process.execPath;
const posix = process.platform === 'win32' ? 'needs process groups' : false;

test('a process is ready when it says so, and is gone after stop', async () => {
  const server = await startProcess(node, ['-e', 'console.log("ready"); setInterval(() => {}, 1000)'], {
    ready: /ready/,
  });
  await server.stop();
  await server.stop();
  assert.throws(() => process.kill(server.pid, 0));
});

test('a process that ends at once is reported with its output', async () => {
  await assert.rejects(
    startProcess(node, ['-e', 'console.error("no such setting"); process.exit(3)'], { ready: /ready/ }),
    /ended before it was ready:\nno such setting/,
  );
  await assert.rejects(startProcess('no-such-program', [], { ready: /ready/ }), /could not be started/);
});

test('a process that ignores SIGTERM is killed', { skip: posix }, async () => {
  const deaf = 'process.on("SIGTERM", () => {}); console.log("ready"); setInterval(() => {}, 1000)';
  const server = await startProcess(node, ['-e', deaf], { ready: /ready/ });
  await server.stop(50);
  assert.throws(() => process.kill(server.pid, 0));
});

test('a server does not outlive a test process that is killed', { skip: posix }, async () => {
  const listen =
    'require("net").createServer().listen(0, "127.0.0.1", function () { console.log("port", this.address().port) })';
  const parent = spawn(node, [
    '--input-type=module',
    '-e',
    `import { startProcess } from ${JSON.stringify(pathToFileURL(`${import.meta.dirname}/process.ts`).href)};
     const server = await startProcess(${JSON.stringify(node)}, ['-e', ${JSON.stringify(listen)}], { ready: /port/ });
     console.log(server.output());
     setInterval(() => {}, 1000);`,
  ]);
  const [text] = await once(parent.stdout, 'data');
  const port = Number(/port (\d+)/.exec(String(text))?.[1]);
  const socket = connect(port, '127.0.0.1');
  await once(socket, 'connect');
  socket.on('error', () => undefined);
  const closed = new Promise((resolve) => socket.once('close', resolve)); // after a reset, too
  parent.kill('SIGKILL');
  await closed; // only the end of the server closes it
});
