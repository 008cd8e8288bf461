// The port by which a template of the operator becomes the words of a mail (outbound/ fills it).

/** What a template is filled with: plain values, by name. */
export type TemplateData = Readonly<Record<string, unknown>>;

export interface RenderedTemplate {
  /** One line; null where the template has none, and the mail's own is kept. */
  subject: string | null;
  text: string;
  html: string | null;
}

export interface Template {
  /** Whether a field of that name is read anywhere in it: what is costly is fetched only then. */
  reads(field: string): boolean;
  /** @throws PosternError `template_failed`, with file, line and column, as where a field is missing */
  render(data: TemplateData): RenderedTemplate;
}

export interface TemplateSource {
  /** The template as its files are now. @throws PosternError `template_missing`, `template_invalid` */
  find(name: string): Promise<Template>;
}
