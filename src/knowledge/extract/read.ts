// From bytes to text, whatever the document is: what it is decides who reads it. Runs where hostile bytes may do no
// harm: in the process of document-child.ts.
import { explain, PosternError } from '../../kernel/errors.ts';
import { visibleText } from '../../mail/visible-text.ts';
import { readArchive } from './archive.ts';
import { Budget, Exhausted, MAX_DEPTH, refuse } from './budget.ts';
import type { Bytes } from './bytes.ts';
import type { ChunkSource } from './contract.ts';
import { rowsOf, separatorOf } from './csv.ts';
import { detect, type Found } from './detect.ts';
import type { Member } from './member.ts';
import type { Output } from './output.ts';
import { decoded, linesOf } from './plain.ts';

const MAX_PART_CHARS = 500;

interface Place {
  /** The path of the document inside of the whole; empty for the whole itself. */
  part: string;
  depth: number;
}

interface Hints {
  name: string | null;
  declaredType: string | null;
}

/**
 * Reads a document into `out` and says what type it is. A document in an archive that cannot be read becomes a note,
 * unless nothing else was there to read.
 * @throws PosternError with one of `DOCUMENT_FAILURES`; any other error comes from bytes that a library stumbles over
 */
export async function readDocument(bytes: Bytes, hints: Hints, out: Output): Promise<string> {
  return new DocumentReader(out).whole(bytes, hints);
}

class DocumentReader {
  readonly #out: Output;
  readonly #budget = new Budget();
  #firstFailure: PosternError | undefined;

  constructor(out: Output) {
    this.#out = out;
  }

  async whole(bytes: Bytes, hints: Hints): Promise<string> {
    const type = await this.#read(bytes, hints, { part: '', depth: 0 });
    this.#out.flush();
    if (this.#out.charsTaken === 0 && this.#firstFailure) throw this.#firstFailure;
    return type;
  }

  async #read(bytes: Bytes, hints: Hints, place: Place): Promise<string> {
    if (bytes.size === 0) {
      this.#out.note('The document is empty.');
      return 'text/plain';
    }
    const found = await detect(bytes, hints, this.#budget);
    const isContainer = found.kind === 'zip' || found.kind === 'mail' || found.kind === 'tnef';
    if (isContainer && place.depth >= MAX_DEPTH) {
      throw refuse('archive_too_deep', `Archives and mails in each other are read ${MAX_DEPTH} deep.`);
    }
    const source: ChunkSource = place.part === '' ? {} : { part: place.part };
    await this.#readAs(found, bytes, source, place);
    this.#out.flush();
    return found.type;
  }

  // Readers are loaded when they are needed: a process reads one document, and PDF.js alone takes a second to load.
  async #readAs(found: Found, bytes: Bytes, source: ChunkSource, place: Place): Promise<void> {
    const out = this.#out;
    const readMember = (member: Member): Promise<void> => this.#member(member, place);
    if (found.kind === 'pdf') await (await import('./pdf.ts')).readPdf(bytes, out, source);
    else if (found.kind === 'docx') await (await import('./docx.ts')).readDocx(found.zip, out, source);
    else if (found.kind === 'xlsx') await (await import('./xlsx.ts')).readXlsx(found.zip, out, source);
    else if (found.kind === 'pptx') await (await import('./pptx.ts')).readPptx(found.zip, out, source);
    else if (found.kind === 'odf') await (await import('./odf.ts')).readOdf(found.zip, out, source);
    else if (found.kind === 'zip') await readArchive(found.zip, readMember);
    else if (found.kind === 'mail') await (await import('./eml.ts')).readMail(bytes, out, source, readMember);
    else if (found.kind === 'tnef') await (await import('./eml.ts')).readTnef(bytes, out, source, readMember);
    else if (found.kind === 'html') (await import('./eml.ts')).readHtml(bytes, out, source);
    else if (found.kind === 'csv') this.#table(bytes, source);
    else
      for (const line of linesOf(decoded(bytes))) {
        if (out.full) break;
        out.paragraph(line, source);
      }
  }

  #table(bytes: Bytes, source: ChunkSource): void {
    const sample = decoded(bytes).next().value ?? '';
    const onCut = (): void => this.#out.note('Very long cells or rows of the table were cut.');
    for (const { row, cells } of rowsOf(decoded(bytes), separatorOf(sample), onCut)) {
      if (this.#out.full) return;
      this.#out.paragraph(cells.map((cell) => cell.replace(/\s+/g, ' ')).join('\t'), { ...source, row });
    }
  }

  async #member(member: Member, around: Place): Promise<void> {
    if (this.#out.full) return;
    this.#budget.member();
    const name = shownName(member.name);
    const part = (around.part === '' ? name : `${around.part}/${name}`).slice(-MAX_PART_CHARS).toWellFormed();
    try {
      const { declaredType } = member;
      await this.#read(await member.load(), { name, declaredType }, { part, depth: around.depth + 1 });
    } catch (error) {
      if (error instanceof Exhausted) throw error;
      const failure = failureOf(error);
      this.#firstFailure ??= failure;
      this.#out.note(`${part}: ${explain(failure)}`);
      this.#out.flush();
    }
  }
}

/** What a document did wrong. Where a library stumbled over it, the document is broken, in words of the library. */
export function failureOf(error: unknown): PosternError {
  if (error instanceof PosternError) return error;
  const cause = error instanceof Error ? error.message : String(error);
  return new PosternError('document_broken', `The document cannot be read: ${cause.slice(0, 200)}`, {
    cause: error,
  });
}

/** The name of a member as it is shown: a path that leads down, never up or to the root. */
function shownName(name: string): string {
  const steps = visibleText(name).replaceAll('\n', ' ').split(/[/\\]/);
  const kept = steps.filter((step) => step !== '' && step !== '.' && step !== '..');
  return kept.join('/').slice(-MAX_PART_CHARS) || 'unnamed';
}
