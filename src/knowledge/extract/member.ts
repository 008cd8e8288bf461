// A document inside of another: a file in an archive, an attachment of a mail.
import type { Bytes } from './bytes.ts';

export interface Member {
  name: string;
  declaredType: string | null;
  /** Called once at most, and only if the member is read. */
  load(): Promise<Bytes>;
}

/** What goes wrong with one member is noted and the others are read; what concerns the whole document is thrown. */
export type ReadMember = (member: Member) => Promise<void>;
