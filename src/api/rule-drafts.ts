// What rules would answer from templates: filled as they would be, and written nowhere.
import type { MailMetadata } from '../contracts/mail.ts';
import type { RuleAction } from '../contracts/rule.ts';
import type { MailTest } from '../contracts/rule-test.ts';
import { contentOfReply, type Replying, replyData } from '../drafts/automatic-reply-content.ts';
import type { TemplateSource } from '../drafts/template.ts';
import { PosternError } from '../kernel/errors.ts';
import type { RuleSet } from '../rules/match.ts';

export interface AnsweredMail {
  /** Null where it is not in the ledger. */
  id: string | null;
  metadata: MailMetadata;
  text: string;
}

/** The test with what each answer would say; one that cannot be written is held, with what is wrong. */
export async function withDrafts(
  test: MailTest,
  templates: TemplateSource,
  account: Replying,
  mail: AnsweredMail,
): Promise<MailTest> {
  const would: MailTest['would'] = [];
  for (const one of test.would) would.push(await withDraft(one, templates, account, mail));
  return { ...test, would };
}

async function withDraft(
  one: MailTest['would'][number],
  templates: TemplateSource,
  account: Replying,
  { id, metadata, text }: AnsweredMail,
): Promise<MailTest['would'][number]> {
  const action = one.action as RuleAction;
  if (!('draft' in action) || one.held !== null) return one;
  try {
    const template = await templates.find(action.draft.template);
    const message = { id: id ?? UNKNOWN_ID, metadata, date: metadata.date ?? 0 };
    const words = template.render(replyData(account, message, { text, reply_text: text }, one.rule));
    const content = contentOfReply(account, metadata, words);
    const draft = {
      to: content.to.map(({ address }) => address),
      subject: content.subject,
      text: content.text,
    };
    return { ...one, draft };
  } catch (error) {
    if (!(error instanceof PosternError)) throw error;
    return { ...one, held: `not answered: ${error.message}` };
  }
}

const UNKNOWN_ID = 'msg_of_a_file';

/** What is wrong with the templates that rules, agents and digests name, a sentence for each. */
export async function templateProblems(rules: RuleSet, templates: TemplateSource): Promise<string[]> {
  const names = new Map<string, string>();
  for (const { name, then } of rules.rules) {
    for (const action of then) {
      if (typeof action === 'string' || !('draft' in action)) continue;
      const template = typeof action.draft === 'string' ? action.draft : action.draft.template;
      names.set(template, `The rule ${JSON.stringify(name)}`);
    }
  }
  for (const [name, { may }] of rules.agents)
    for (const template of may.templates) names.set(template, `The agent ${JSON.stringify(name)}`);
  for (const [name, { template }] of rules.digests) names.set(template, `The digest ${JSON.stringify(name)}`);
  const problems: string[] = [];
  for (const [template, who] of names) {
    try {
      await templates.find(template);
    } catch (error) {
      if (!(error instanceof PosternError)) throw error;
      problems.push(`${who}: ${error.message}`);
    }
  }
  return problems;
}
