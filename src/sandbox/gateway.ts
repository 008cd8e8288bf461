// Postern itself for the sandbox: the same parts and defaults as `postern start`, on a folder that is thrown away.
import { copyFile, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type App, createApp } from '../app.ts';
import { environment, loadConfig } from '../config/config.ts';

export interface Gateway {
  app: App;
  folder: string;
  stop(): Promise<void>;
}

const PROJECT = fileURLToPath(new URL('../../', import.meta.url));

/** Starts a gateway of its own on a port that the system chooses. `keep` leaves its folder behind. */
export async function startGateway(keep: boolean): Promise<Gateway> {
  const folder = await mkdtemp(join(tmpdir(), 'postern-sandbox-'));
  const removed = async (): Promise<void> => {
    // Windows holds on to files for a moment after their last reader is gone.
    if (!keep) await rm(folder, { recursive: true, force: true, maxRetries: 10 });
  };
  try {
    const rules = join(folder, 'rules');
    await mkdir(rules);
    await copyFile(join(PROJECT, 'rules', 'example.yaml'), join(rules, 'example.yaml'));
    process.chdir(PROJECT); // where the paths in an agent's command begin
    const config = loadConfig({
      POSTERN_DATA: join(folder, 'data'),
      POSTERN_PORT: '0',
      POSTERN_RULES: rules,
      POSTERN_TEMPLATES: join(PROJECT, 'templates'),
      POSTERN_LOG: 'silent', // the sandbox tells in words what a log would say
    });
    const app = await createApp(config, environment());
    let stopping: Promise<void> | undefined;
    const stop = (): Promise<void> => {
      stopping ??= app.stop().then(removed);
      return stopping;
    };
    try {
      await app.start();
    } catch (error) {
      await stop();
      throw error;
    }
    return { app, folder, stop };
  } catch (error) {
    await removed();
    throw error;
  }
}
