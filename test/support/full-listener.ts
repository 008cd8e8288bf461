// A port that never lets anybody in: its queue of connections is full and nobody takes one out, so that whoever connects
// waits for the first packet to be answered.
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { Worker } from 'node:worker_threads';

// A thread that stops for ever once it listens. Plain script, because a thread of a text has no types to strip.
const THREAD = `
  const server = require('node:net').createServer();
  server.listen({ port: 0, host: '127.0.0.1', backlog: 1 }, () => {
    require('node:worker_threads').parentPort.postMessage(server.address().port);
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
  });
`;
const QUEUE = 2; // Linux lets one more in than the backlog says

export interface FullListener {
  readonly port: number;
  stop(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

export async function startFullListener(): Promise<FullListener> {
  const thread = new Worker(THREAD, { eval: true });
  const [port] = (await once(thread, 'message')) as [number];
  const sockets: Socket[] = [];
  for (let at = 0; at < QUEUE; at++) {
    const socket = connect(port, '127.0.0.1');
    socket.on('error', () => undefined); // it is reset at the end
    sockets.push(socket);
    await once(socket, 'connect');
  }
  const stop = async (): Promise<void> => {
    for (const socket of sockets) socket.destroy();
    await thread.terminate();
  };
  return { port, stop, [Symbol.asyncDispose]: stop };
}
