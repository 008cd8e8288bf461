// argv -> command; nothing else.
import type { TrialRequest } from './api/cli/trial-request.ts';
import type { Extensions } from './app.ts';
import { keepCompiled } from './config/compile-cache.ts';
import { environment } from './config/environment.ts';
import { explain } from './kernel/errors.ts';

try {
  process.exitCode = await run(process.argv.slice(2));
} catch (error) {
  process.stderr.write(`${explain(error)}\n`);
  process.exitCode = 1;
}

/** What a command does not need is not loaded: `postern draft list` starts no gateway. */
async function run(argv: string[]): Promise<number> {
  keepCompiled(environment());
  const { loadConfig, urlOfGateway } = await import('./config/config.ts');
  switch (argv[0]) {
    case 'start': {
      const { createApp } = await import('./app.ts');
      const { stopOnSignals } = await import('./kernel/lifecycle.ts');
      const config = loadConfig();
      const app = await createApp(config, environment(), await extensionsOf(argv.slice(1), config.host));
      stopOnSignals(app.lifecycle, app.log);
      await app.start();
      return 0;
    }
    case 'sandbox': {
      const { runSandbox } = await forDevelopment(() => import('./sandbox/story.ts'));
      await runSandbox(argv.slice(1));
      return 0;
    }
    default: {
      const { runCli } = await import('./api/cli/cli.ts');
      const config = loadConfig();
      const { join } = await import('node:path');
      const settings = {
        url: urlOfGateway(config),
        adminToken: config.token ?? config.adminToken,
        tokenFile: join(config.dataDir, 'admin-token'),
        rulesDir: config.rulesDir,
        templatesDir: config.templatesDir,
      };
      const tryAgent = async (request: TrialRequest): Promise<number> => {
        const { runTrial } = await forDevelopment(() => import('./sandbox/agent-trial.ts'));
        return runTrial(request, config.templatesDir);
      };
      const { stdin, stdout, stderr } = process;
      return runCli(argv, { stdin, stdout, stderr, settings, tryAgent });
    }
  }
}

/** What brings mail servers of its own needs packages that are not there in production. */
async function forDevelopment<T>(load: () => Promise<T>): Promise<T> {
  try {
    return await load();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_MODULE_NOT_FOUND') throw error;
    throw new Error('This needs the packages for development: run `npm install` in a checkout of Postern.', {
      cause: error,
    });
  }
}

/** What a flag adds to the gateway, for tests of it alone. */
async function extensionsOf(args: string[], host: string): Promise<Extensions> {
  if (!args.includes('--mcp-fixtures')) return {};
  const { mcpFixtures } = await import('./sandbox/mcp-fixtures.ts');
  return { mcpExtension: mcpFixtures(host) };
}
