// Pictures that stand in the HTML of a mail as data: URIs become files beside it, which the HTML shows by `cid:`.
import type { DraftAttachment, DraftContent } from '../contracts/draft.ts';
import { PosternError } from '../kernel/errors.ts';
import { takeDataImages } from '../mail/inline-images.ts';
import type { Blobs, StagedBlob } from '../objects/blobs.ts';

const MAX_HTML_CHARS = 1_000_000; // without its pictures: more than any person reads in a mail

export interface Pictured {
  content: DraftContent;
  /** The files that were made of it, with their bytes; nothing records them yet. */
  staged: { blob: StagedBlob; bytes: Buffer }[];
}

/** @throws PosternError `attachment_invalid`, `mail_not_composable` */
export async function pictured(blobs: Blobs, content: DraftContent): Promise<Pictured> {
  if (content.html === null) return { content, staged: [] };
  const { address } = content.from;
  const { html, images } = takeDataImages(content.html, address.slice(address.lastIndexOf('@') + 1));
  if (html.length > MAX_HTML_CHARS)
    throw new PosternError(
      'mail_not_composable',
      `The HTML of the mail has ${html.length} characters without its pictures, and may have ${MAX_HTML_CHARS}.`,
      { hint: 'Attach what is long as a file.' },
    );
  if (images.length === 0) return { content, staged: [] };
  const staged: Pictured['staged'] = [];
  const attachments: DraftAttachment[] = [...content.attachments];
  try {
    for (const { contentId, contentType, filename, bytes } of images) {
      if (attachments.some(({ content_id }) => content_id === contentId)) continue; // of an earlier version
      const blob = await blobs.stage(bytes);
      staged.push({ blob, bytes });
      attachments.push({
        ...{ object_id: blob.id, filename, content_type: contentType, size: blob.size, sha256: blob.sha256 },
        ...{ content_id: contentId, disposition: 'inline' },
      });
    }
  } catch (error) {
    for (const { blob } of staged) await blob.discard();
    throw error;
  }
  return { content: { ...content, html, attachments }, staged };
}
