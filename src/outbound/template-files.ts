// The files of a template, `NAME/subject.hbs`, `NAME/text.hbs`, `NAME/html.hbs` and `NAME/template.yaml`, as they are now.
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { templateName } from '../contracts/template.ts';
import { PosternError } from '../kernel/errors.ts';

export const templateFiles = ['subject.hbs', 'text.hbs', 'html.hbs', 'template.yaml'] as const;
export type TemplateFile = (typeof templateFiles)[number];
export type TemplateTexts = Partial<Record<TemplateFile, string>>;

const MAX_FILE_BYTES = 256 * 1024; // what a mail program still shows whole is far below
const MAX_TEMPLATES = 1000;

/** The names of the templates in a folder; none where it is not there. */
export async function templateNames(folder: string): Promise<string[]> {
  try {
    const entries = await readdir(folder);
    const names = entries.filter((name) => templateName.safeParse(name).success).sort();
    const found: string[] = [];
    for (const name of names.slice(0, MAX_TEMPLATES))
      if ((await stat(join(folder, name)).catch(() => null))?.isDirectory()) found.push(name);
    return found;
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
}

/** Changes when one of the files does; empty where there is none. Links are followed, as mounted configuration needs it. */
export async function fingerprintOf(folder: string, name: string): Promise<string> {
  const facts = await Promise.all(
    templateFiles.map(async (file) => {
      try {
        const { size, mtimeMs, ino } = await stat(join(folder, name, file));
        return `${file}:${size}:${mtimeMs}:${ino}`;
      } catch (error) {
        if (isMissing(error)) return '';
        throw unreadable(name, file, error);
      }
    }),
  );
  return facts.filter(Boolean).join('|');
}

/** @throws PosternError `template_invalid` for what cannot be read, is too large or is not UTF-8 */
export async function readTemplate(folder: string, name: string): Promise<TemplateTexts> {
  const texts: TemplateTexts = {};
  for (const file of templateFiles) {
    try {
      const { size } = await stat(join(folder, name, file));
      if (size > MAX_FILE_BYTES) throw new Error(`it is larger than ${MAX_FILE_BYTES / 1024} kB`);
      const bytes = await readFile(join(folder, name, file));
      texts[file] = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    } catch (error) {
      if (!isMissing(error)) throw unreadable(name, file, error);
    }
  }
  return texts;
}

const isMissing = (error: unknown): boolean =>
  ['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '');

const unreadable = (name: string, file: string, error: unknown): PosternError =>
  new PosternError(
    'template_invalid',
    `The template file ${name}/${file} cannot be read: ${(error as Error).message}.`,
    {
      details: { template: name, file },
    },
  );
