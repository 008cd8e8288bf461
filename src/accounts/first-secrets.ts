// What Postern cannot start without: its master keys and an API key for the first administrator.
import { join } from 'node:path';
import type { Logger } from '../kernel/logger.ts';
import { newAdminToken, newMasterKey, secretFile } from './key-files.ts';
import { keysFromSettings, keysInFiles, type MasterKeys } from './master-keys.ts';

export interface SecretSettings {
  readonly dataDir: string;
  /** Null: the file in the data folder. */
  readonly masterKey: Buffer | null;
  readonly masterKeyNext: Buffer | null;
  readonly adminToken: string | null;
}

/** From the settings, or made at the first start with a notice. @throws PosternError for a key that cannot be used */
export function openSecrets(
  config: SecretSettings,
  log: Logger,
): { masterKeys: MasterKeys; adminToken: string } {
  const keyPath = join(config.dataDir, 'master.key');
  const tokenPath = join(config.dataDir, 'admin-token');
  const { masterKey, masterKeyNext } = config;
  const inFiles = (): MasterKeys => {
    const { made } = secretFile(keyPath, newMasterKey);
    if (made)
      log.warn(
        { path: keyPath },
        'made a master key: back it up apart from the ledger, for without it no password can be read',
      );
    return keysInFiles(keyPath);
  };
  const masterKeys = masterKey === null ? inFiles() : keysFromSettings(masterKey, masterKeyNext);
  if (config.adminToken !== null) return { masterKeys, adminToken: config.adminToken };
  const { secret: adminToken, made } = secretFile(tokenPath, newAdminToken);
  if (made)
    log.warn(
      { path: tokenPath },
      'made an API key for the first administrator; the command line finds it there',
    );
  return { masterKeys, adminToken };
}
