// The port by which a template of the operator becomes the words of a mail (outbound/ fills it).
import type { SubmissionAttachment } from '../contracts/draft.ts';

/** What a template is filled with: plain values, by name. */
export type TemplateData = Readonly<Record<string, unknown>>;

export interface RenderOptions {
  /** The recipient's, as BCP 47 has it (`de-CH`); the template's nearest is taken, or its own. */
  language?: string;
  /** How numbers and dates are written; absent: as the language does. */
  locale?: string;
  /** Of the dates, such as `Europe/Zurich`; absent: the template's, or UTC. */
  timezone?: string;
  /** Epoch milliseconds, for what is told in relation to now. */
  now?: number;
}

/** A picture that the HTML shows by `cid:` and its `cid`, and that goes with the mail. */
export interface InlineImage {
  /** Without angle brackets. */
  cid: string;
  filename: string;
  contentType: string;
  content: Uint8Array;
}

export interface RenderedTemplate {
  /** One line; null where the template has none, and the mail's own is kept. */
  subject: string | null;
  text: string;
  html: string | null;
  /** Those that this mail shows, each once. */
  inline: readonly InlineImage[];
  /** The language that it is in, as BCP 47 has it. */
  language: string;
}

export interface Template {
  /** Whether a field of that name is read anywhere in it: what is costly is fetched only then. */
  reads(field: string): boolean;
  /** @throws PosternError `template_failed`, with file, line and column, as where a field is missing */
  render(data: TemplateData, options?: RenderOptions): RenderedTemplate;
}

export interface TemplateSource {
  /** The template as its files are now. @throws PosternError `template_missing`, `template_invalid` */
  find(name: string): Promise<Template>;
}

/** Its pictures as files of a mail. */
export const filesOf = ({ inline }: Pick<RenderedTemplate, 'inline'>): SubmissionAttachment[] =>
  inline.map(({ cid, filename, contentType, content }) => ({
    ...{ filename, content_type: contentType, content_id: cid },
    content_base64: Buffer.from(content).toString('base64'),
  }));

/** The HTML with its pictures in it, as data: URIs: a draft takes them out again, as files of its own. */
export const wholeHtml = ({ html, inline }: Pick<RenderedTemplate, 'html' | 'inline'>): string | null =>
  inline.reduce<string | null>((whole, { cid, contentType, content }) => {
    const uri = `data:${contentType};base64,${Buffer.from(content).toString('base64')}`;
    return whole?.replaceAll(`"cid:${cid}"`, `"${uri}"`) ?? null;
  }, html);
