// Rules as people see them beside each other: those of the operator's files, and those that were made in the console or
// over REST.
import { z } from 'zod';
import { rule } from './rule.ts';

export const MAX_RULE_CHARS = 100_000; // a list of some thousand customers; a rules file takes what is longer

export const ruleOrigin = z.enum(['file', 'made']);

/** A rule of the set in force, or a made one that is switched off. */
export const ruleView = z.object({
  /** Of a made rule; null for one of a file. */
  id: z.string().nullable(),
  name: z.string(),
  origin: ruleOrigin,
  /** The file where it stands, and the line; null for a made rule. */
  file: z.string().nullable(),
  line: z.number().int().nullable(),
  /** False: it is switched off. Rules of files are always on. */
  enabled: z.boolean(),
  /** False where it is switched off, and where it does not go with the files; `problems` then says why. */
  in_force: z.boolean(),
  /** Of a made rule: grows with every change. */
  version: z.number().int().nullable(),
  created_by: z.string().nullable(),
  created_at: z.number().int().nullable(),
  updated_by: z.string().nullable(),
  updated_at: z.number().int().nullable(),
  /** As it was understood; null where it is not in force and cannot be understood any more. */
  rule: rule.nullable(),
});
export type RuleView = z.infer<typeof ruleView>;

/** With the YAML of a made rule as it was written; null for one of a file. */
export const ruleDetail = ruleView.extend({ text: z.string().nullable() });
export type RuleDetail = z.infer<typeof ruleDetail>;

export const madeRuleChange = z.enum(['created', 'updated', 'deleted']);

export const madeRuleVersion = z.object({
  id: z.string(),
  rule_id: z.string(),
  version: z.number().int(),
  change: madeRuleChange,
  name: z.string(),
  text: z.string(),
  enabled: z.boolean(),
  author: z.string(),
  created_at: z.number().int(),
});
export type MadeRuleVersion = z.infer<typeof madeRuleVersion>;

/** One rule as YAML, such as `name: lists` and what follows it, or as the object that the YAML would be. */
export const ruleText = z.string().min(1).max(MAX_RULE_CHARS);
export const ruleObject = z.record(z.string(), z.unknown());

export interface MadeRuleInput {
  text?: string | undefined;
  rule?: Record<string, unknown> | undefined;
}
