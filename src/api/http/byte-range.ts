// The Range header of a request (RFC 9110 §14): one range of bytes, as downloads that go on ask for.
import type { ByteRange } from '../../objects/object-store.ts';

/**
 * `null`: the whole, also where the header is none that we follow, as RFC 9110 §14.2 lets a server do; `unsatisfiable`: 416.
 * @param size of the file
 * @param ifRange the header of this name: where it does not name this very file, the whole goes out
 */
export function rangeOf(
  header: string | undefined,
  ifRange: string | undefined,
  size: number,
  etag: string,
): ByteRange | null | 'unsatisfiable' {
  const [, from = '', to = ''] = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(header?.trim() ?? '') ?? [];
  if (from === '' && to === '') return null;
  if (ifRange !== undefined && ifRange !== etag) return null;
  if (from === '') {
    const last = Math.min(Number(to), size);
    return last === 0 ? 'unsatisfiable' : { start: size - last, end: size - 1 };
  }
  const start = Number(from);
  const end = to === '' ? size - 1 : Math.min(Number(to), size - 1);
  if (to !== '' && Number(to) < start) return null;
  return start >= size ? 'unsatisfiable' : { start, end };
}
