// Templates at the command line: all of them checked as files, which needs no gateway, and one rendered by it.
import type { TemplateCheck, TemplatePreview } from '../../contracts/template.ts';
import { silentLogger } from '../../kernel/logger.ts';
import { checkTemplates } from '../../outbound/template-preview.ts';
import { Templates } from '../../outbound/templates.ts';
import { readYaml } from '../../rules/rules-yaml.ts';
import type { Operation } from '../registry.ts';
import { type Command, call } from './command.ts';
import { bytesFrom, type Flags, flagsOf, inputFrom } from './flags.ts';
import { type CliIo, complain, EXIT, print, UsageError } from './io.ts';
import { showBlock, showJson } from './show.ts';
import { safeLine, safeLines } from './terminal-text.ts';

const PARTS = ['subject', 'text', 'html', 'eml'] as const;

export const templateCheckCommand: Command = {
  words: ['template', 'check'],
  summary: 'Check the templates of a folder, filled with their samples in each language. Needs no gateway.',
  args: ['[DIR]'],
  flags: { strict: { type: 'boolean', help: 'What is only a warning is refused too.' } },
  async run(io, values, [given, ...more]) {
    if (more.length > 0) throw new UsageError('Give one folder.');
    const folder = given ?? io.settings.templatesDir;
    if (folder === undefined) throw new UsageError('Give a folder.');
    const found = await checkTemplates(new Templates({ folder, log: silentLogger }));
    const hasWarnings = found.data.some(({ warnings }) => warnings.length > 0);
    const ok = found.ok && !(values.strict === true && hasWarnings);
    if (values.json) showJson(io, { ...found, ok });
    else showCheck(io, folder, found);
    return ok ? EXIT.ok : EXIT.refused;
  },
};

function showCheck(io: CliIo, folder: string, { data }: TemplateCheck): void {
  for (const { name, problem, warnings } of data) {
    print(io, `${problem === null ? 'ok    ' : 'FAILED'}  ${safeLine(name)}`);
    if (problem !== null) print(io, `        ${safeLine(problem)}`);
    // The same in every language is told once.
    const told = new Map(warnings.map((warning) => [warning.message, warning]));
    for (const { code, message } of told.values()) print(io, `        ${code}: ${safeLine(message)}`);
  }
  if (data.length === 0) complain(io, `There are no templates in ${safeLine(folder)}.`);
}

export function templateRender(operation: Operation): Command {
  const flags: Flags = {
    data: { type: 'string', value: 'FILE', help: 'What to fill it with, as JSON or YAML; else its sample.' },
    out: { type: 'string', value: PARTS.join('|'), help: 'Print this part of the mail alone, as it is.' },
  };
  return {
    words: ['template', 'render'],
    summary: operation.summary,
    args: ['NAME'],
    flags: { ...flags, ...flagsOf(operation) },
    async run(io, values, positionals) {
      const part = PARTS.find((one) => one === values.out);
      if (values.out !== undefined && !part) throw new UsageError(`--out is one of ${PARTS.join(', ')}.`);
      const input = await inputFrom(io, operation, values, positionals);
      const data = typeof values.data === 'string' ? { data: await dataFrom(io, values.data) } : {};
      const mail = (await call(io, operation, { ...input, ...data })) as TemplatePreview;
      if (values.json) showJson(io, mail);
      else if (part === undefined) showMail(io, mail);
      else io.stdout.write(part === 'eml' ? await emlOf(mail) : partOf(io, mail, part));
      return EXIT.ok;
    },
  };
}

/** JSON or YAML of a file. @throws UsageError */
export async function dataFrom(io: CliIo, file: string): Promise<unknown> {
  const { data, problems } = readYaml((await bytesFrom(io, file)).toString('utf8'));
  const [mistake] = problems;
  if (mistake) throw new UsageError(`${file}:${mistake.line}:${mistake.column} ${mistake.message}`);
  return data;
}

/** For a terminal nothing is written that it would obey; a file gets what there is. */
function partOf(io: CliIo, mail: TemplatePreview, part: 'subject' | 'text' | 'html'): string {
  const text = mail[part];
  if (text === null) throw new UsageError(`The template has no ${part}.`);
  const ended = text.endsWith('\n') ? text : `${text}\n`;
  return io.stdout.isTTY ? safeLines(ended) : ended;
}

function showMail(io: CliIo, { subject, text, html, language, inline, warnings }: TemplatePreview): void {
  print(io, `Subject   ${subject === null ? 'that of the mail that is answered' : safeLine(subject)}`);
  print(io, `Language  ${safeLine(language)}`);
  print(io, `HTML      ${html === null ? 'none' : `${Buffer.byteLength(html)} bytes (--out html)`}`);
  if (inline.length > 0)
    print(io, `Pictures  ${inline.map(({ filename }) => safeLine(filename)).join(', ')}`);
  showBlock(io, '\nText', text);
  for (const { code, message } of warnings) print(io, `\n${code}: ${safeLine(message)}`);
}

/** The mail as a file, which a mail program opens. */
async function emlOf(mail: TemplatePreview): Promise<Buffer> {
  const { previewBytes } = await import('../../outbound/preview-bytes.ts');
  return previewBytes(mail);
}
