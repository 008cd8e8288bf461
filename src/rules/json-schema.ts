// The schema of a rules file for editors: they complete words, show what they mean, and underline what is wrong.
import { z } from 'zod';
import { rulesFile } from '../contracts/rule.ts';

/** As text, always the same for the same language. */
export function rulesSchema(): string {
  // Draft 7 is what the YAML servers of editors know best.
  const { $schema, ...schema } = z.toJSONSchema(rulesFile, { io: 'input', target: 'draft-7' });
  const title = 'Rules of Postern';
  const description = 'Which mail wakes which agent, and what else is done with it.';
  return `${JSON.stringify({ $schema, title, description, ...schema }, null, 2)}\n`;
}
