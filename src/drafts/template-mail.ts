// A mail that an agent has a template write: the page is the operator's, and the agent gives the data. Policy sees all that
// it gave, and what is taken out of an agent's words is taken out of its data before the page is filled.
import type { May } from '../contracts/agent-policy.ts';
import type { DraftContent } from '../contracts/draft.ts';
import { PosternError } from '../kernel/errors.ts';
import { cleanWords } from '../policy/hygiene.ts';
import type { Link } from '../policy/links.ts';
import { type Finding, finding } from '../policy/rules.ts';
import { type TemplateData, type TemplateSource, wholeHtml } from './template.ts';

const MOST_TEXTS = 2_000; // of the data of one mail: each is looked through by itself
const MOST_CHARS = 300_000; // of them together: as much as is looked through of a mail
const MAX_DEPTH = 20;
const FIELD = /^[a-z][a-z_]{0,30}$/i;

export interface TemplateCall {
  template: string;
  data?: Readonly<Record<string, unknown>> | undefined;
  language?: string | undefined;
}

export interface TemplateMail {
  /** What policy judges: what a reader reads, and all that the agent gave. */
  written: string;
  /** Those that the page makes of what the agent gave: what it shows of one and where it leads are two fields. */
  links: Link[];
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
  const cleanText = (text: string): string => {
    texts.push(text);
    chars += text.length;
    if (texts.length > MOST_TEXTS || chars > MOST_CHARS) throw tooMuch(name);
    return cleanWords({ text }).words.text ?? '';
  };
  const clean = (value: unknown, depth: number): unknown => {
    if (typeof value === 'string') return cleanText(value);
    if (typeof value !== 'object' || value === null) return value;
    if (depth > MAX_DEPTH) throw tooMuch(name);
    if (Array.isArray(value)) return value.map((item) => clean(item, depth + 1));
    // A template may write names too (`{{@key}}`). Those that it can ask for by themselves are no words.
    const named = (key: string): string => (FIELD.test(key) ? key : cleanText(key));
    return Object.fromEntries(
      Object.entries(value).map(([key, item]) => [named(key), clean(item, depth + 1)]),
    );
  };
  const cleaned = clean(data, 0) as TemplateData;
  const rendered = template.render(cleaned, language === undefined ? {} : { language });
  const given = texts.map((text) => text.trim()).filter((text) => text !== '');
  const isGiven = ({ href, shown }: Link): boolean =>
    given.some((text) => href.includes(text) || text.includes(href) || shown.includes(text));
  const links = rendered.html === null ? [] : cleanWords({ html: rendered.html }).links;
  return {
    written: [rendered.text, ...texts].join('\n\n'),
    links: links.filter(isGiven),
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
