// Lists of recipients that lie as files beside the rules: read when a digest is due, and when the rules are checked.
import { readFile, realpath, stat } from 'node:fs/promises';
import { join, sep } from 'node:path';
import type { DigestDefinition } from '../contracts/digest.ts';
import { PosternError } from '../kernel/errors.ts';
import { readYaml } from '../rules/rules-yaml.ts';
import { readCsv } from './csv.ts';
import { recipientsOf } from './recipients.ts';

const MAX_LIST_BYTES = 32 * 1024 * 1024; // of a file of recipients

/** @throws PosternError `recipients_invalid` */
export async function listIn(folder: string, file: string): Promise<(string | Record<string, unknown>)[]> {
  const text = await textOf(folder, file);
  if (/\.csv$/i.test(file)) return readCsv(text);
  const { data, problems } = readYaml(text);
  const [mistake] = problems;
  if (mistake) throw listInvalid(file, `line ${mistake.line}: ${mistake.message}`);
  const isRow = (row: unknown): boolean =>
    typeof row === 'string' || (typeof row === 'object' && row !== null && !Array.isArray(row));
  if (!Array.isArray(data) || !data.every(isRow))
    throw listInvalid(file, 'it is no list of addresses, or of mappings with `address`');
  return data as (string | Record<string, unknown>)[];
}

async function textOf(folder: string, file: string): Promise<string> {
  try {
    const path = await realpath(join(folder, file));
    if (!path.startsWith((await realpath(folder)) + sep))
      throw new Error('it is a link out of the rules folder');
    const { size } = await stat(path);
    if (size > MAX_LIST_BYTES) throw new Error(`it is larger than ${MAX_LIST_BYTES} bytes`);
    return new TextDecoder('utf-8', { fatal: true }).decode(await readFile(path));
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw listInvalid(file, code === 'ENOENT' ? 'it is not there' : (message ?? String(error)));
  }
}

const listInvalid = (file: string, why: string): PosternError =>
  new PosternError('recipients_invalid', `The list ${file} cannot be read: ${why}.`, { details: { file } });

/** What is wrong with the lists that digests name, a sentence for each. */
export async function listProblems(
  digests: ReadonlyMap<string, Pick<DigestDefinition, 'to'>>,
  folder: string,
): Promise<string[]> {
  const problems: string[] = [];
  for (const [name, { to }] of digests) {
    if (Array.isArray(to) || !('file' in to)) continue;
    try {
      await recipientsOf(await listIn(folder, to.file));
    } catch (error) {
      if (!(error instanceof PosternError)) throw error;
      problems.push(`The digest ${JSON.stringify(name)}: ${error.message}`);
    }
  }
  return problems;
}
