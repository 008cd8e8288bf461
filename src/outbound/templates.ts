// The templates of the operator: compiled when first used and again when their files change, or the files that they share.
import type { TemplateView } from '../contracts/template.ts';
import { templateName } from '../contracts/template.ts';
import type { TemplateSource } from '../drafts/template.ts';
import { explain, PosternError } from '../kernel/errors.ts';
import type { Logger } from '../kernel/logger.ts';
import { type Beside, type CompiledTemplate, compileTemplate } from './template-compile.ts';
import { cssInliner } from './template-css.ts';
import { missing } from './template-errors.ts';
import {
  fingerprintOf,
  readShared,
  readTemplate,
  sharedFingerprint,
  type TemplateTexts,
  templateNames,
} from './template-files.ts';

interface Known {
  fingerprint: string;
  template: CompiledTemplate | null;
  texts: TemplateTexts;
  /** Files beside it that no template has: a misspelt name. */
  strange: readonly string[];
  problem: PosternError | null;
}

export class Templates implements TemplateSource {
  readonly #folder: string;
  readonly #log: Logger;
  readonly #known = new Map<string, Known>();

  constructor({ folder, log }: { folder: string; log: Logger }) {
    this.#folder = folder;
    this.#log = log;
  }

  /**
   * A change that is invalid changes nothing where there is a last good one: the log says what is wrong.
   * @throws PosternError `template_missing`, `template_invalid`
   */
  async find(name: string): Promise<CompiledTemplate> {
    const { template, problem } = await this.#look(name);
    if (template) return template;
    throw problem ?? missing(name);
  }

  /** Its files as they are now. @throws PosternError `template_missing` */
  async files(name: string): Promise<Pick<Known, 'template' | 'texts' | 'strange' | 'problem'>> {
    return this.#look(name);
  }

  /** Every template there is, and what is wrong with its files as they are now. */
  async list(): Promise<TemplateView[]> {
    const found: TemplateView[] = [];
    for (const name of await templateNames(this.#folder)) {
      const known = await this.#look(name).catch(nullIfMissing);
      if (known === null) continue; // a folder of something else, or one that was just removed
      const { template, problem } = known;
      found.push({
        name,
        description: template?.about.description ?? null,
        languages: [...(template?.languages ?? [])],
        layout: template?.about.layout ?? null,
        data: template?.about.data ?? null,
        has_sample: template?.sample() != null,
        problem: problem && explain(problem),
      });
    }
    return found;
  }

  /** A template that is not saved, with the pictures, layouts and partials of the folder. */
  async compile(name: string, texts: TemplateTexts): Promise<CompiledTemplate> {
    if (!templateName.safeParse(name).success) throw missing(name);
    const lower = Object.entries(texts).map(([file, text]) => [file.toLowerCase(), text]);
    const { images } = await readTemplate(this.#folder, name);
    return this.#compile(name, Object.fromEntries(lower) as TemplateTexts, images);
  }

  async #look(name: string): Promise<Known> {
    if (!templateName.safeParse(name).success) throw missing(name);
    const own = await fingerprintOf(this.#folder, name);
    const known = this.#known.get(name);
    if (own === '') {
      this.#known.delete(name);
      throw missing(name);
    }
    const fingerprint = `${own}|${await sharedFingerprint(this.#folder)}`;
    if (known?.fingerprint === fingerprint) return known;
    const now = await this.#read(name, fingerprint, known?.template ?? null);
    this.#known.set(name, now);
    return now;
  }

  async #read(name: string, fingerprint: string, lastGood: CompiledTemplate | null): Promise<Known> {
    let texts: TemplateTexts = {};
    let strange: string[] = [];
    try {
      const read = await readTemplate(this.#folder, name);
      ({ texts, strange } = read);
      const template = await this.#compile(name, texts, read.images);
      return { fingerprint, template, texts, strange, problem: null };
    } catch (error) {
      if (!(error instanceof PosternError)) throw error;
      const fields = { template: name, code: error.code };
      this.#log.warn(fields, `${error.message}${lastGood ? ' The last good one stays in force.' : ''}`);
      return { fingerprint, template: lastGood, texts, strange, problem: error };
    }
  }

  async #compile(
    name: string,
    texts: TemplateTexts,
    images: NonNullable<Beside['images']>,
  ): Promise<CompiledTemplate> {
    const shared = await readShared(this.#folder, name);
    const hasStyle = [...Object.values(texts), ...shared.files.values()].some((text) =>
      text?.includes('<style'),
    );
    return compileTemplate(name, texts, {
      shared: shared.files,
      images: new Map([...shared.images, ...images]),
      inlineCss: hasStyle ? await cssInliner() : null,
    });
  }
}

function nullIfMissing(error: unknown): null {
  if (error instanceof PosternError && error.code === 'template_missing') return null;
  throw error;
}
