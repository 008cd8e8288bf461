// A gateway in a process of its own that tells over IPC how long its event loop was held up since it was last asked.
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { createApp } from '../../src/app.ts';
import { loadConfig } from '../../src/config/config.ts';

const app = await createApp(loadConfig());
await app.start();
const delay = monitorEventLoopDelay({ resolution: 5 });
delay.enable();
process.on('message', () => {
  process.send?.({ longestMs: delay.max / 1e6 });
  delay.reset();
});
process.on('disconnect', () => process.exit());
process.send?.({ url: app.url });
