// ZIP files that are no documents themselves: what is in them is read, as if each had been sent alone.
import { MAX_MEMBER_BYTES, MAX_MEMBERS, refuse } from './budget.ts';
import { memoryBytes } from './bytes.ts';
import type { ReadMember } from './member.ts';
import { refuseRatio, type Zip } from './zip.ts';

/** What systems put into archives for themselves. */
const CLUTTER = /^__MACOSX\/|(?:^|\/)(?:\.DS_Store|Thumbs\.db|desktop\.ini)$/i;

/** @throws PosternError `archive_too_many`, `archive_ratio`, and what ends the whole document in `readMember` */
export async function readArchive(zip: Zip, readMember: ReadMember): Promise<void> {
  const members = zip.members.filter(({ name, isFolder }) => !isFolder && !CLUTTER.test(name));
  if (members.length > MAX_MEMBERS) {
    throw refuse(
      'archive_too_many',
      `The archive holds ${members.length} files; at most ${MAX_MEMBERS} are read.`,
    );
  }
  let size = 0;
  let packedSize = 0;
  for (const member of members) {
    refuseRatio(member.size, member.packedSize);
    size += member.size;
    packedSize += member.packedSize;
  }
  refuseRatio(size, packedSize);
  for (const member of members) {
    await readMember({
      name: member.name,
      declaredType: null,
      load: async () => {
        if (!member.isKnownMethod && !member.isEncrypted) {
          throw refuse('document_type_unknown', 'It is packed by a method that is not known.');
        }
        return memoryBytes(await zip.load(member, MAX_MEMBER_BYTES));
      },
    });
  }
}
