// The files of templates as they are now: `NAME/subject.hbs`, `NAME/html.de.hbs`, `NAME/template.yaml`, pictures, and what
// templates share in `_layouts`, `_partials` and `_images`.
import { createHash } from 'node:crypto';
import { readdir, readFile, realpath, stat } from 'node:fs/promises';
import { join, sep } from 'node:path';
import { languageTag, templateName } from '../contracts/template.ts';
import type { InlineImage } from '../drafts/template.ts';
import { PosternError } from '../kernel/errors.ts';
import { imageTypeOf } from '../mail/inline-images.ts';

/** By name; languages in lower case. */
export type TemplateTexts = Partial<Record<string, string>>;
/** By path within the templates folder: `_partials/button.hbs`. */
export type SharedFiles = ReadonlyMap<string, string>;
export type TemplateImages = ReadonlyMap<string, InlineImage>;

const MAX_FILE_BYTES = 256 * 1024; // what a mail program still shows whole is far below
const MAX_IMAGE_BYTES = 512 * 1024; // each of them goes with every mail
const MAX_IMAGES = 20; // of a folder
const MAX_FILES = 300; // of a folder: three files and a sample in 75 languages
const MAX_TEMPLATES = 1000;

const SHARED_TEXTS = ['_layouts', '_partials'] as const;
const SHARED_IMAGES = '_images';

/** The names of the templates in a folder; none where it is not there. */
export async function templateNames(folder: string): Promise<string[]> {
  const names = (await entriesOf(folder)).filter((name) => templateName.safeParse(name).success).sort();
  const found: string[] = [];
  for (const name of names.slice(0, MAX_TEMPLATES))
    if ((await stat(join(folder, name)).catch(() => null))?.isDirectory()) found.push(name);
  return found;
}

/** Changes when one of the files does; empty where there is none. Links are followed, as mounted configuration needs it. */
export function fingerprintOf(folder: string, name: string): Promise<string> {
  return factsOf(folder, name, (file) => isOfTemplate(file));
}

/** The same, of all that templates share. */
export async function sharedFingerprint(folder: string): Promise<string> {
  const texts = SHARED_TEXTS.map((place) => factsOf(folder, place, isShared));
  return (await Promise.all([...texts, factsOf(folder, SHARED_IMAGES, isImage)])).join('|');
}

/** @throws PosternError `template_invalid` for what cannot be read, is too large or is not UTF-8 */
export async function readTemplate(
  folder: string,
  name: string,
): Promise<{ texts: TemplateTexts; images: Map<string, InlineImage>; strange: string[] }> {
  const files = await filesOf(folder, name);
  const texts: TemplateTexts = {};
  for (const file of files.filter(isOfTemplate))
    if (!isImage(file)) texts[file.toLowerCase()] = await readText(folder, name, file);
  const images = await readImages(folder, name, files);
  const strange = files.filter((file) => !isOfTemplate(file) && !/^\.|~$/.test(file));
  return { texts, images, strange };
}

/** @throws PosternError `template_invalid` */
export async function readShared(
  folder: string,
  name: string,
): Promise<{ files: SharedFiles; images: TemplateImages }> {
  const files = new Map<string, string>();
  for (const place of SHARED_TEXTS)
    for (const file of (await filesOf(folder, place)).filter(isShared))
      files.set(`${place}/${file.toLowerCase()}`, await readText(folder, place, file, name));
  const images = await readImages(folder, SHARED_IMAGES, await filesOf(folder, SHARED_IMAGES), name);
  return { files, images };
}

const TEXT = /^(?:subject|text|html)(?:\.([A-Za-z0-9-]+))?\.hbs$/;
const SAMPLE = /^sample(?:\.([A-Za-z0-9-]+))?\.yaml$/;
const isImage = (file: string): boolean => /^\w[\w.-]{0,99}\.(png|jpe?g|gif|webp)$/i.test(file);
const isShared = (file: string): boolean =>
  /^[a-z0-9][a-z0-9-]{0,62}(\.text)?(\.[A-Za-z0-9-]+)?\.hbs$/.test(file);

function isOfTemplate(file: string): boolean {
  if (file === 'template.yaml' || isImage(file)) return true;
  const match = TEXT.exec(file) ?? SAMPLE.exec(file);
  return match !== null && (match[1] === undefined || languageTag.safeParse(match[1]).success);
}

async function entriesOf(path: string): Promise<string[]> {
  try {
    return await readdir(path);
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
}

async function filesOf(folder: string, name: string): Promise<string[]> {
  const files = (await entriesOf(join(folder, name))).sort();
  if (files.length > MAX_FILES) throw unreadable(name, name, `it has more than ${MAX_FILES} files`, name);
  return files;
}

async function factsOf(folder: string, name: string, isWanted: (file: string) => boolean): Promise<string> {
  const files = (await entriesOf(join(folder, name))).filter(isWanted).sort().slice(0, MAX_FILES);
  const facts = await Promise.all(
    files.map(async (file) => {
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

async function readText(folder: string, place: string, file: string, name = place): Promise<string> {
  try {
    const { size } = await stat(join(folder, place, file));
    if (size > MAX_FILE_BYTES) throw new Error(`it is larger than ${MAX_FILE_BYTES / 1024} kB`);
    const bytes = await readFile(join(folder, place, file));
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (error) {
    throw unreadable(place, file, error, name);
  }
}

/** A picture goes to everybody who gets the mail: a link to a file outside of the folder is not followed. */
async function readImages(
  folder: string,
  place: string,
  files: readonly string[],
  name = place,
): Promise<Map<string, InlineImage>> {
  const found = new Map<string, InlineImage>();
  const names = files.filter(isImage);
  if (names.length > MAX_IMAGES)
    throw unreadable(place, names[MAX_IMAGES] ?? '', `there are more than ${MAX_IMAGES} pictures`, name);
  for (const file of names) {
    try {
      const home = await realpath(folder);
      const path = await realpath(join(folder, place, file));
      if (!path.startsWith(home + sep)) throw new Error('it is a link out of the templates folder');
      const { size } = await stat(path);
      if (size > MAX_IMAGE_BYTES) throw new Error(`it is larger than ${MAX_IMAGE_BYTES / 1024} kB`);
      const content = await readFile(path);
      const contentType = imageTypeOf(content);
      if (contentType === null) throw new Error('it is no PNG, JPEG, GIF or WebP');
      const digest = createHash('sha256').update(content).digest('hex').slice(0, 24);
      found.set(file, { cid: `${digest}@template.postern`, filename: file, contentType, content });
    } catch (error) {
      throw unreadable(place, file, error, name);
    }
  }
  return found;
}

const isMissing = (error: unknown): boolean =>
  ['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '');

const unreadable = (place: string, file: string, error: unknown, name = place): PosternError =>
  new PosternError(
    'template_invalid',
    `The template file ${place}/${file} cannot be read: ${error instanceof Error ? error.message : String(error)}.`,
    { details: { template: name, file } },
  );
