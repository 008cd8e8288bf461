// An agent that asks a person and goes on with what he says: whether somebody who asks for a meeting gets one.
//
// A turn ends with the question. The answer is a new turn of the same session, days later if need be, and so is the
// feedback of a person who rejects the draft. The agent keeps nothing in between: each event brings what it needs.
import { text as readAll } from 'node:stream/consumers';

interface Event {
  type: 'message.received' | 'question.answered' | 'draft.rejected' | 'reply.overdue';
  data: {
    message: { from: { name: string; address: string } | null; subject: string; reply_text: string };
    /** What a person wrote who answered the question or rejected the draft. */
    feedback?: string;
  };
}

type Action =
  | { type: 'ask'; question: string }
  | { type: 'reply'; text: string }
  | { type: 'done'; summary: string };

const MAX_SHOWN_CHARS = 300;

export function answerTo({ type, data }: Event): Action[] {
  const { message, feedback = '' } = data;
  const sender = message.from?.address ?? 'Somebody';
  switch (type) {
    case 'message.received': {
      const words = message.reply_text.replace(/\s+/g, ' ').trim().slice(0, MAX_SHOWN_CHARS);
      return [
        { type: 'ask', question: `${sender} asks for a meeting: “${words}” When would suit you (or no)?` },
      ];
    }
    case 'question.answered':
    case 'draft.rejected':
      return [
        { type: 'reply', text: letter(feedback) },
        { type: 'done', summary: `Answered ${sender} as the person said.` },
      ];
    case 'reply.overdue':
      return [{ type: 'done', summary: `${sender} did not answer.` }];
  }
}

function letter(said: string): string {
  const words = said.trim();
  const middle = /^no\b/i.test(words)
    ? 'thank you for asking. A meeting is not possible at present.'
    : `thank you for asking. We propose: ${words.replace(/\.$/, '')}.`;
  return `Hello,\n\n${middle}\n\nKind regards\n`;
}

if (import.meta.main) {
  const event = JSON.parse(await readAll(process.stdin)) as Event;
  process.stdout.write(JSON.stringify({ actions: answerTo(event) }));
}
