// Drafts at the terminal: shown whole before anybody approves, and approved by the digest of what was shown.
import type { DraftView } from '../../contracts/draft.ts';
import { PosternError } from '../../kernel/errors.ts';
import type { Operation } from '../registry.ts';
import { type Command, call, type Special } from './command.ts';
import { type CliIo, canAsk, EXIT, print, UsageError } from './io.ts';
import { confirm } from './prompt.ts';
import { addressText, showBlock, showJson } from './show.ts';
import { safeLine, safeLines } from './terminal-text.ts';

const SHORTEST_PREFIX = 12; // hex digits, 48 bits: nobody makes a second draft that begins so while one waits
const WHOLE_DIGEST = 64;

/** Everything that would leave, and how to let it. */
export function showDraft(io: CliIo, draft: DraftView): void {
  const list = (addresses: DraftView['to']): string => addresses.map(addressText).join(', ');
  const head: [string, string][] = [
    ['Draft', `${draft.id}, version ${draft.version}, ${draft.state}`],
    ['From', addressText(draft.from)],
    ['To', list(draft.to) || '-'],
    ...(draft.cc.length > 0 ? [['Cc', list(draft.cc)] as [string, string]] : []),
    ...(draft.bcc.length > 0 ? [['Bcc', list(draft.bcc)] as [string, string]] : []),
    ['Subject', safeLine(draft.subject)],
    ...draft.attachments.map((file): [string, string] => [
      'Attachment',
      `${safeLine(file.filename)} (${safeLine(file.content_type)}, ${file.size} bytes)`,
    ]),
    ...draft.reasons.map((reason): [string, string] => ['Why asked', safeLine(reason)]),
    ...(draft.feedback === null ? [] : [['Feedback', safeLine(draft.feedback)] as [string, string]]),
    ...(draft.submission_id === null ? [] : [['Submission', draft.submission_id] as [string, string]]),
    ['Digest', draft.digest],
  ];
  for (const [name, value] of head) print(io, `${name.padEnd(11)}${value}`);
  print(io, '');
  showBlock(io, 'Text', draft.text);
  if (draft.html !== null) {
    print(io, '');
    showBlock(io, 'HTML (what most recipients will see)', draft.html);
  }
  if (draft.state !== 'waiting') return;
  print(io, '');
  print(io, `To send it:     postern draft approve ${draft.id} --digest ${draft.digest}`);
  print(io, `To refuse it:   postern draft reject ${draft.id} "why"`);
}

export const draftShow: Special = { show: showDraft };

export const draftEdit: Special = { show: showDraft };

export const draftRaw: Special = {
  show(io, bytes: Buffer) {
    // A file or a program gets the very bytes; a terminal gets what cannot harm it.
    if (io.stdout.isTTY) print(io, safeLines(bytes.toString('utf8')));
    else io.stdout.write(bytes);
  },
};

/** `draft approve ID [--digest …]`. Without a digest a person is shown the draft and asked. */
export function draftApprove(approve: Operation, get: Operation): Command {
  return {
    words: ['draft', 'approve'],
    summary: 'Let a draft leave. At a terminal it is shown first; elsewhere its digest must be named.',
    args: ['ID'],
    flags: {
      digest: {
        type: 'string',
        value: 'SHA256',
        help: `The digest of the draft as you saw it; its first ${SHORTEST_PREFIX} digits are enough.`,
      },
    },
    async run(io, values, positionals) {
      const [id, ...more] = positionals;
      if (id === undefined || more.length > 0) throw new UsageError('Give the id of one draft.');
      const given = values.digest;
      const digest =
        typeof given === 'string' ? await named(io, get, id, given) : await askedFor(io, get, id);
      if (digest === null) {
        print(io, 'Not approved.');
        return EXIT.refused;
      }
      const answer = (await call(io, approve, { id, digest })) as { submission_id: string };
      if (values.json) showJson(io, answer);
      else print(io, `Approved. It leaves as ${safeLine(answer.submission_id)}.`);
      return EXIT.ok;
    },
  };
}

/** The whole digest that a beginning stands for. @throws UsageError, PosternError `draft_digest_mismatch` */
async function named(io: CliIo, get: Operation, id: string, given: string): Promise<string> {
  const hex = given
    .trim()
    .toLowerCase()
    .replace(/^sha256:/, '');
  if (!/^[0-9a-f]+$/.test(hex) || hex.length < SHORTEST_PREFIX || hex.length > WHOLE_DIGEST) {
    throw new UsageError(
      `--digest: write at least the first ${SHORTEST_PREFIX} of its ${WHOLE_DIGEST} digits`,
    );
  }
  if (hex.length === WHOLE_DIGEST) return `sha256:${hex}`;
  const draft = (await call(io, get, { id })) as DraftView;
  if (draft.digest.startsWith(`sha256:${hex}`)) return draft.digest;
  throw new PosternError('draft_digest_mismatch', 'The draft is another than the one with this digest.', {
    hint: `Look at it again: postern draft show ${safeLine(id)}`,
  });
}

async function askedFor(io: CliIo, get: Operation, id: string): Promise<string | null> {
  if (!canAsk(io)) {
    throw new UsageError('--digest: is needed where nobody can be asked; `postern draft show` tells it');
  }
  const draft = (await call(io, get, { id })) as DraftView;
  showDraft(io, draft);
  if (draft.state !== 'waiting') return null;
  print(io, '');
  return (await confirm(io, 'Send exactly this mail?')) ? draft.digest : null;
}
