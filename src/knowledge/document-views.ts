// Documents as people see them: a row for each mail and part, with what is known of its bytes and where they went.
import type { DocumentState, DocumentView, PlacementState, PlacementView } from '../contracts/knowledge.ts';
import type { KnowledgePlacementsTable } from '../store/schema.ts';
import type { Reader } from '../store/store.ts';

export interface DocumentQuery {
  state?: DocumentState | undefined;
  /** An account's id. */
  account?: string | undefined;
  message?: string | undefined;
  sha256?: string | undefined;
  id?: string | undefined;
  limit: number;
  /** Only those older than the document with this id. */
  before?: string | undefined;
}

/** Newest first. */
export async function documentViews(db: Reader, query: DocumentQuery): Promise<DocumentView[]> {
  const rows = await selectDocuments(db, query).execute();
  const contents = [...new Set(rows.flatMap(({ content_id: id }) => (id === null ? [] : [id])))];
  const placements = await placementsOf(db, contents);
  const counts = await countsOf(db, contents);
  return rows.map((row) => {
    const { content_id: id } = row;
    const found = id === null ? undefined : (placements.get(id) ?? []);
    const state = id === null ? row.state : (row.content_state ?? row.state);
    return {
      id: row.id,
      account_id: row.account_id,
      message_id: row.message_id,
      part: row.part === '' ? null : row.part,
      rule: row.rule,
      filename: row.filename,
      declared_type: row.declared_type,
      state: state as DocumentState,
      code: id === null ? row.code : row.content_code,
      error: id === null ? row.error : row.content_error,
      content:
        id === null
          ? null
          : {
              id,
              sha256: row.sha256 ?? '',
              sha1: row.sha1 ?? '',
              md5: row.md5 ?? '',
              size: row.size ?? 0,
              type: row.type,
              kind: row.kind === 'mail' ? 'mail' : 'file',
              chunks: row.chunks ?? 0,
              notes: JSON.parse(row.notes ?? '[]') as string[],
              documents: counts.get(id) ?? 1,
            },
      sinks: found?.map(placementView) ?? (JSON.parse(row.sinks) as string[]).map(awaited),
      created_at: row.created_at,
      updated_at: Math.max(row.updated_at, row.content_updated_at ?? 0),
    };
  });
}

function selectDocuments(db: Reader, { state, account, message, sha256, id, limit, before }: DocumentQuery) {
  return db
    .selectFrom('knowledge_documents as d')
    .leftJoin('knowledge_contents as c', 'c.id', 'd.content_id')
    .selectAll('d')
    .select(['c.sha256', 'c.sha1', 'c.md5', 'c.size', 'c.type', 'c.kind', 'c.chunks', 'c.notes'])
    .select(['c.state as content_state', 'c.code as content_code', 'c.error as content_error'])
    .select('c.updated_at as content_updated_at')
    .$if(state !== undefined, (query) =>
      query.where((eb) => eb(eb.fn.coalesce('c.state', 'd.state'), '=', state ?? '')),
    )
    .$if(account !== undefined, (query) => query.where('d.account_id', '=', account ?? ''))
    .$if(message !== undefined, (query) => query.where('d.message_id', '=', message ?? ''))
    .$if(sha256 !== undefined, (query) => query.where('c.sha256', '=', sha256 ?? ''))
    .$if(id !== undefined, (query) => query.where('d.id', '=', id ?? ''))
    .$if(before !== undefined, (query) => query.where('d.id', '<', before ?? ''))
    .orderBy('d.id', 'desc')
    .limit(limit);
}

async function placementsOf(
  db: Reader,
  contents: readonly string[],
): Promise<Map<string, KnowledgePlacementsTable[]>> {
  const found = new Map<string, KnowledgePlacementsTable[]>();
  if (contents.length === 0) return found;
  const rows = await db
    .selectFrom('knowledge_placements')
    .selectAll()
    .where('content_id', 'in', contents)
    .orderBy('id')
    .execute();
  for (const row of rows) found.set(row.content_id, [...(found.get(row.content_id) ?? []), row]);
  return found;
}

async function countsOf(db: Reader, contents: readonly string[]): Promise<Map<string, number>> {
  if (contents.length === 0) return new Map();
  const rows = await db
    .selectFrom('knowledge_documents')
    .select((eb) => ['content_id', eb.fn.countAll<number>().as('documents')])
    .where('content_id', 'in', contents)
    .groupBy('content_id')
    .execute();
  return new Map(rows.map(({ content_id: id, documents }) => [id ?? '', Number(documents)]));
}

const placementView = ({
  id: _id,
  content_id: _content,
  job_id: _job,
  created_at: _created,
  updated_at: _updated,
  ...row
}: KnowledgePlacementsTable): PlacementView => ({ ...row, state: row.state as PlacementState });

/** A sink that the document will go to once its bytes are there. */
const awaited = (sink: string): PlacementView => ({
  sink,
  state: 'waiting',
  done: 0,
  attempts: 0,
  status: null,
  error: null,
  next_attempt_at: null,
  placed_at: null,
});
