// The sinks of a rules file: what `{{…}}` names in them, and what is wrong with a sink beyond its shape. Pure.
import {
  type HttpSink,
  type KnowledgeSink,
  LOCAL_SINK,
  sinkFields,
  urlFields,
} from '../contracts/knowledge-sink.ts';
import type { Place } from './list-checks.ts';
import { mend } from './nearest.ts';

/** `{{ name }}` in a text. */
export const PLACEHOLDER = /\{\{\s*([^{}]*?)\s*\}\}/g;
const MAX_TEXTS = 1000; // in one body
const MAX_CONTENTS = 4; // each is the whole document once more

/** Reports what would fail at every document. The URL is not repeated: it may hold a secret. */
export function checkSink(
  name: string,
  sink: KnowledgeSink,
  path: Place['path'],
  report: Place['report'],
): void {
  if (name === LOCAL_SINK)
    report(
      path,
      `\`${LOCAL_SINK}\` is the gateway's own index and always there: give this sink another name`,
    );
  if ('folder' in sink) {
    if (!/^(\/|[A-Za-z]:[\\/])/.test(sink.folder) || /(^|[\\/])\.\.([\\/]|$)/.test(sink.folder))
      report([...path, 'folder'], '`folder` must be a whole path such as /srv/documents, without `..`');
    return;
  }
  checkUrl(sink.http, [...path, 'http', 'url'], report);
  let contents = 0;
  let texts = 0;
  for (const { text, at } of textsIn(sink.http.body, [...path, 'http', 'body'])) {
    if (++texts > MAX_TEXTS) {
      report([...path, 'http', 'body'], `\`body\` has more than ${MAX_TEXTS} texts`);
      return;
    }
    for (const [, field = ''] of text.matchAll(PLACEHOLDER)) {
      if (!(sinkFields as readonly string[]).includes(field))
        report(at, `there is no field \`${field.slice(0, 80)}\`${mend(field, sinkFields)}`);
      if (field === 'content_base64' && ++contents > MAX_CONTENTS)
        report(at, `\`content_base64\` stands in \`body\` more than ${MAX_CONTENTS} times`);
    }
  }
}

function checkUrl(
  { url, allow_private: allowPrivate, each }: HttpSink,
  path: Place['path'],
  report: Place['report'],
) {
  const { protocol, username, password, host } = new URL(url);
  if (username !== '' || password !== '')
    report(path, '`url` must not hold a user name or a password; name them in `headers` by reference');
  else if (protocol === 'http:' && !allowPrivate)
    report(path, '`url` is not https; inside your own network write `allow_private: true` beside it');
  if (/[{}]|%7b|%7d/i.test(host))
    report(path, '`url` names its host itself; only behind it may fields stand');
  for (const [, field = ''] of url.matchAll(PLACEHOLDER)) {
    if (!(urlFields as readonly string[]).includes(field))
      report(
        path,
        `a URL may name ${urlFields.map((word) => `\`${word}\``).join(', ')} alone, and has \`${field.slice(0, 80)}\``,
      );
    else if (field === 'number' && each !== 'chunk')
      report(path, '`number` is that of a chunk: write `each: chunk` beside it');
  }
}

/** Every text in a JSON value, with where it stands. The keys of mappings are no templates. */
function* textsIn(value: unknown, at: Place['path']): Generator<{ text: string; at: Place['path'] }> {
  if (typeof value === 'string') yield { text: value, at };
  else if (Array.isArray(value)) for (const [i, item] of value.entries()) yield* textsIn(item, [...at, i]);
  else if (value !== null && typeof value === 'object')
    for (const [key, item] of Object.entries(value)) yield* textsIn(item, [...at, key]);
}
