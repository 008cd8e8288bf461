// A template as it is at one moment, with all that belongs to it: what was approved is what is rendered, whatever happens to
// its files meanwhile.
import type { CompiledTemplate } from './template-compile.ts';
import { compileTemplate } from './template-compile.ts';
import { cssInliner } from './template-css.ts';
import { readShared, readTemplate, type TemplateTexts } from './template-files.ts';

interface FrozenImage {
  name: string;
  cid: string;
  filename: string;
  contentType: string;
  base64: string;
}

/** Plain data, to be written as JSON. */
export interface FrozenTemplate {
  name: string;
  texts: TemplateTexts;
  /** Layouts and partials, by path. */
  shared: Record<string, string>;
  images: FrozenImage[];
}

/** @throws PosternError `template_invalid` */
export async function freezeTemplate(folder: string, name: string): Promise<FrozenTemplate> {
  const [own, shared] = [await readTemplate(folder, name), await readShared(folder, name)];
  const images = new Map([...shared.images, ...own.images]);
  return {
    name,
    texts: own.texts,
    shared: Object.fromEntries(shared.files),
    images: [...images].map(([image, { cid, filename, contentType, content }]) => ({
      ...{ name: image, cid, filename, contentType },
      base64: Buffer.from(content).toString('base64'),
    })),
  };
}

/** @throws PosternError `template_invalid` */
export async function thawTemplate({
  name,
  texts,
  shared,
  images,
}: FrozenTemplate): Promise<CompiledTemplate> {
  const sources = [...Object.values(texts), ...Object.values(shared)];
  return compileTemplate(name, texts, {
    shared: new Map(Object.entries(shared)),
    images: new Map(
      images.map(({ name: image, cid, filename, contentType, base64 }) => [
        image,
        { cid, filename, contentType, content: Buffer.from(base64, 'base64') },
      ]),
    ),
    inlineCss: sources.some((text) => text?.includes('<style')) ? await cssInliner() : null,
  });
}
