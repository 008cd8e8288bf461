// A mail that an agent has a template write: the page is the operator's, and the agent gives the data. Policy sees all that
// it gave, and what is taken out of an agent's words is taken out of its data before the page is filled.
import type { May } from '../contracts/agent-policy.ts';
import type { DraftContent } from '../contracts/draft.ts';
import { PosternError } from '../kernel/errors.ts';
import { cleanWords } from '../policy/hygiene.ts';
import { type Finding, finding } from '../policy/rules.ts';
import { type TemplateData, type TemplateSource, wholeHtml } from './template.ts';

const MOST_TEXTS = 2_000; // of the data of one mail: each is looked through by itself
const MOST_CHARS = 300_000; // of them together: as much as is looked through of a mail
const MAX_DEPTH = 20;

export interface TemplateCall {
  template: string;
  data?: Readonly<Record<string, unknown>> | undefined;
  language?: string | undefined;
}

export interface TemplateMail {
  /** What policy judges: what a reader reads, and all that the agent gave. */
  written: string;
  /** Instead of what an agent wrote. */
  words: Pick<DraftContent, 'text' | 'html' | 'language'>;
}

/** Why the agent may not write by it; null where it may. @param granted what it was given when its turn began */
export function refusedTemplate(name: string, may: May, granted: May | undefined): Finding | null {
  // What the rules have narrowed since counts at once, and what they have widened not yet.
  const lists = [may.templates, ...(granted ? [granted.templates] : [])];
  if (lists.every((list) => list.includes(name))) return null;
  return finding(
    'template_not_allowed',
    `the policy of this agent does not allow the template ${JSON.stringify(name)}`,
  );
}

/** @throws PosternError `template_missing`, `template_invalid`, `template_failed` */
export async function templateMail(
  templates: Pick<TemplateSource, 'find'>,
  { template: name, data = {}, language }: TemplateCall,
): Promise<TemplateMail> {
  const template = await templates.find(name);
  const texts: string[] = [];
  let chars = 0;
  const clean = (value: unknown, depth: number): unknown => {
    if (typeof value === 'string') {
      texts.push(value);
      chars += value.length;
      if (texts.length > MOST_TEXTS || chars > MOST_CHARS) throw tooMuch(name);
      return cleanWords({ text: value }).words.text ?? '';
    }
    if (typeof value !== 'object' || value === null) return value;
    if (depth > MAX_DEPTH) throw tooMuch(name);
    if (Array.isArray(value)) return value.map((item) => clean(item, depth + 1));
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, clean(item, depth + 1)]));
  };
  const cleaned = clean(data, 0) as TemplateData;
  const rendered = template.render(cleaned, language === undefined ? {} : { language });
  return {
    written: [rendered.text, ...texts].join('\n\n'),
    words: { text: rendered.text, html: wholeHtml(rendered), language: rendered.language },
  };
}

const tooMuch = (name: string): PosternError =>
  new PosternError('template_failed', `The data for the template ${name} is more than is looked through.`, {
    hint: `Give at most ${MOST_TEXTS} texts of ${MOST_CHARS} characters together.`,
    details: { template: name },
  });

/** The mail with the template's words in the place of the agent's. */
export const withTemplate = (content: DraftContent, mail: TemplateMail): DraftContent => ({
  ...content,
  ...mail.words,
});
