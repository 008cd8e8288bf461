// What can be wrong with a template, or with filling it: always with its file, line and column.
import { PosternError } from '../kernel/errors.ts';

export interface Place {
  line?: number | undefined;
  column?: number | undefined;
}

/** @param file within the templates folder: `quote/html.hbs`, `_partials/button.hbs` */
const where = (file: string, { line, column }: Place): string =>
  [file, line, column].filter((part) => part !== undefined).join(':');

const detailsOf = (template: string, file: string, place: Place): object => ({
  template,
  file: file.startsWith(`${template}/`) ? file.slice(template.length + 1) : file,
  ...place,
});

/** Its files are wrong. */
export const invalid = (template: string, file: string, message: string, place: Place = {}): PosternError =>
  new PosternError('template_invalid', `The template is invalid: ${where(file, place)} ${message}.`, {
    details: { ...detailsOf(template, file, place) },
  });

/** It does not go with its data. */
export const failed = (template: string, file: string, message: string, place: Place = {}): PosternError =>
  new PosternError('template_failed', `The template cannot be filled: ${where(file, place)} ${message}.`, {
    details: { ...detailsOf(template, file, place) },
  });

export const missing = (name: string): PosternError =>
  new PosternError('template_missing', `There is no template ${JSON.stringify(name.slice(0, 80))}.`, {
    hint: 'A template is a folder in the templates folder (POSTERN_TEMPLATES) with a text.hbs or html.hbs in it.',
    details: { template: name.slice(0, 80) },
  });

/** What Handlebars says, in the words of whoever writes the template. */
export function mistakeOf(error: unknown): [message: string, place: Place] {
  const { message, lineNumber, column } = error as Error & { lineNumber?: number; column?: number };
  const missingField = /^"(.*?)" not defined in /s.exec(message)?.[1];
  const place = { line: lineNumber, column: column === undefined ? undefined : column + 1 };
  if (missingField !== undefined) return [`there is no field \`${missingField}\` in the data`, place];
  const before = /^Cannot read properties of \S+ \(reading '(.*)'\)$/s.exec(message)?.[1];
  if (before !== undefined)
    return [`there is nothing in the data that could have a field \`${before}\``, place];
  const ofText = /^Cannot use 'in' operator to search for '(.*?)' in /s.exec(message)?.[1];
  if (ofText !== undefined) return [`\`${ofText}\` is asked of a text, which has no fields`, place];
  const unknown = /used the unknown helper (\S+)/.exec(message)?.[1];
  if (unknown !== undefined) return [`there is no helper \`${unknown}\``, place];
  const [, line, near] = /^Parse error on line (\d+):\n(.*)\n/.exec(message) ?? [];
  if (line !== undefined) return [`cannot be read near \`${near}\``, { line: Number(line) }];
  if (/^Maximum call stack/.test(message)) return ['includes itself without end', place];
  return [message.replace(/ - \d+:\d+$/, '').split('\n', 1)[0] ?? 'fails', place];
}
