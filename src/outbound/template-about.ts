// What a template says of itself in template.yaml, the data that it needs, and the sample of such.
import { z } from 'zod';
import { type TemplateAbout, templateAbout } from '../contracts/template.ts';
import type { TemplateData } from '../drafts/template.ts';
import { PosternError } from '../kernel/errors.ts';
import { readYaml } from '../rules/rules-yaml.ts';
import { invalid } from './template-errors.ts';
import { isTimezone, shown } from './template-helpers.ts';

const MAX_PROBLEMS = 10; // that are told in a sentence; the details have all

/** @throws PosternError `template_invalid` */
export function aboutOf(name: string, text: string | undefined): TemplateAbout {
  if (text === undefined) return {};
  const file = `${name}/template.yaml`;
  const { data, problems, valueAt } = readYaml(text);
  const [mistake] = problems;
  if (mistake) throw invalid(name, file, mistake.message, mistake);
  const parsed = templateAbout.safeParse(data ?? {});
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    const said = `${issue?.path.join('.') ?? ''} ${issue?.message ?? ''}`.trim();
    throw invalid(name, file, said, valueAt(issue?.path ?? []));
  }
  const { timezone } = parsed.data;
  if (timezone !== undefined && !isTimezone(timezone))
    throw invalid(name, file, `there is no time zone ${timezone}`, valueAt(['timezone']));
  return parsed.data;
}

/** Where the name of the layout stands. */
export const placeOfLayout = (text: string | undefined) => readYaml(text ?? '').valueAt(['layout']);

/** @throws PosternError `template_failed`, with what was expected of each value and what came */
export type CheckData = (data: TemplateData) => void;

/** @throws PosternError `template_invalid` */
export function dataCheck(name: string, { data: wanted }: TemplateAbout): CheckData {
  if (wanted === undefined) return () => undefined;
  let schema: z.ZodType;
  try {
    schema = z.fromJSONSchema(wanted as Parameters<typeof z.fromJSONSchema>[0]) as z.ZodType;
  } catch (error) {
    const said = `\`data\` is no JSON Schema: ${(error as Error).message}`;
    throw invalid(name, `${name}/template.yaml`, said);
  }
  return (data) => {
    const result = schema.safeParse(data, { reportInput: true });
    if (result.success) return;
    const errors = result.error.issues.map((issue) => ({
      path: pathOf(issue.path),
      message: problemOf(issue),
    }));
    const problems = errors.map(({ path, message }) => `${path === '' ? 'it' : `\`${path}\``}: ${message}`);
    throw new PosternError(
      'template_failed',
      `The data does not fit the template ${name}: ${problems.slice(0, MAX_PROBLEMS).join('; ')}.`,
      { details: { template: name, errors } },
    );
  };
}

/** `positions[0].price` */
function pathOf(path: readonly PropertyKey[]): string {
  const written = path.map((key, at) =>
    typeof key === 'number' ? `[${key}]` : `${at === 0 ? '' : '.'}${String(key)}`,
  );
  return written.join('');
}

function problemOf(issue: z.core.$ZodIssue): string {
  const { code, input, message } = issue;
  if (code === 'invalid_type')
    return input === undefined
      ? `is missing, expected ${issue.expected}`
      : `expected ${issue.expected}, came ${shown(input)}`;
  const said = message.replace(/^Invalid (input|option|string): /, '');
  return typeof input === 'object' || input === undefined ? said : `${said}, came ${shown(input)}`;
}

/** @throws PosternError `template_invalid` */
export function sampleOf(name: string, file: string, text: string): TemplateData {
  const { data, problems } = readYaml(text);
  const [mistake] = problems;
  if (mistake) throw invalid(name, `${name}/${file}`, mistake.message, mistake);
  if (typeof data !== 'object' || data === null || Array.isArray(data))
    throw invalid(name, `${name}/${file}`, 'is no mapping');
  return data as TemplateData;
}
