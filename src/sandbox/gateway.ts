// Postern itself for the sandbox: the same parts and defaults as `postern start`, on a folder that is thrown away.
import { copyFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
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

/** What a gateway has instead of the sandbox's example: its rules files, and a templates folder. */
export interface OwnFiles {
  files: Readonly<Record<string, string>>;
  templates: string;
}

/**
 * Starts a gateway of its own on a port that the system chooses. `keep` leaves its folder behind.
 * @param own rules of the caller's; commands in them begin in the folder that the process is in
 */
export async function startGateway(keep: boolean, own?: OwnFiles): Promise<Gateway> {
  const folder = await mkdtemp(join(tmpdir(), 'postern-sandbox-'));
  const removed = async (): Promise<void> => {
    // Windows holds on to files for a moment after their last reader is gone.
    if (!keep) await rm(folder, { recursive: true, force: true, maxRetries: 10 });
  };
  try {
    const rules = join(folder, 'rules');
    await mkdir(rules);
    for (const [name, text] of Object.entries(own?.files ?? {})) await writeFile(join(rules, name), text);
    if (!own) {
      await copyFile(join(PROJECT, 'rules', 'example.yaml'), join(rules, 'example.yaml'));
      process.chdir(PROJECT); // where the paths in an agent's command begin
    }
    const config = loadConfig({
      POSTERN_DATA: join(folder, 'data'),
      POSTERN_PORT: '0',
      POSTERN_RULES: rules,
      POSTERN_TEMPLATES: own?.templates ?? join(PROJECT, 'templates'),
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
