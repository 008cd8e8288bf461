// A draft as a person changed it: what they did not name stays.
import type { DraftContent, DraftEdit } from '../contracts/draft.ts';
import { parseRecipient } from '../mail/recipient.ts';

/** @throws PosternError `recipient_invalid` */
export function editedContent(old: DraftContent, edit: DraftEdit): DraftContent {
  return {
    ...old,
    to: edit.to?.map(parseRecipient) ?? old.to,
    cc: edit.cc?.map(parseRecipient) ?? old.cc,
    bcc: edit.bcc?.map(parseRecipient) ?? old.bcc,
    subject: edit.subject ?? old.subject,
    text: edit.text ?? old.text,
    // An HTML part that says something else than the edited text would leave unseen.
    html: edit.html !== undefined ? edit.html : edit.text !== undefined ? null : old.html,
  };
}
