// The mails that a content came with, as sinks and searches speak of them.
import type { Address, MailMetadata, Trust } from '../contracts/mail.ts';
import type { Reader } from '../store/store.ts';

export interface DocumentMail {
  id: string;
  content_id: string;
  account_id: string;
  message_id: string;
  /** Null: the mail itself. */
  part: string | null;
  filename: string;
  /** As the mail says. */
  declared_type: string | null;
  message: {
    thread_id: string;
    /** The Message-ID header. */
    internet_message_id: string | null;
    from: Address | null;
    to: readonly Address[];
    trust: Trust['level'];
    subject: string;
    date: string;
  };
}

export interface WhichMails {
  account?: string | undefined;
  /** Only those that a rule sends there: a sink is told of no others, though it gets the same bytes. */
  sink?: string;
  limit: number;
  newest?: boolean;
}

/** The earliest first. */
export async function documentsOf(
  db: Reader,
  contentId: string,
  { account, sink, limit, newest = false }: WhichMails,
): Promise<DocumentMail[]> {
  let query = db
    .selectFrom('knowledge_documents as d')
    .innerJoin('messages as m', 'm.id', 'd.message_id')
    .select(['d.id', 'd.account_id', 'd.message_id', 'd.part', 'd.filename', 'd.declared_type'])
    .select(['m.thread_id', 'm.message_id as header', 'm.subject', 'm.date', 'm.metadata', 'm.trust'])
    .where('d.content_id', '=', contentId)
    .orderBy('d.id', newest ? 'desc' : 'asc')
    .limit(limit);
  if (account !== undefined) query = query.where('d.account_id', '=', account);
  // A list of names in JSON, which have neither quotes nor commas: both engines have `replace`, and it minds the case.
  if (sink !== undefined)
    query = query.where(({ eb, fn, val }) =>
      eb(fn<string>('replace', ['d.sinks', val(JSON.stringify(sink)), val('')]), '!=', eb.ref('d.sinks')),
    );
  return (await query.execute()).map((row) => {
    const { from, to } = JSON.parse(row.metadata) as MailMetadata;
    return {
      id: row.id,
      content_id: contentId,
      account_id: row.account_id,
      message_id: row.message_id,
      part: row.part === '' ? null : row.part,
      filename: row.filename,
      declared_type: row.declared_type,
      message: {
        thread_id: row.thread_id,
        internet_message_id: row.header,
        from,
        to,
        trust: (JSON.parse(row.trust) as Trust).level,
        subject: row.subject,
        date: new Date(row.date).toISOString(),
      },
    };
  });
}
