// Lists of tags as DKIM and DMARC records write them: `v=DKIM1; k=rsa; p=…` (RFC 6376 §3.2).

const MAX_TAGS = 50; // an honest record has ten

/** In the order in which they stand; null where it is no such list, or names a tag twice. */
export function tagList(text: string): Map<string, string> | null {
  const tags = new Map<string, string>();
  const parts = text.split(';');
  if (parts.at(-1)?.trim() === '') parts.pop(); // one may stand at the end
  if (parts.length > MAX_TAGS) return null;
  for (const part of parts) {
    const at = part.indexOf('=');
    const name = part.slice(0, Math.max(0, at)).trim();
    if (!/^[A-Za-z][A-Za-z0-9_]*$/.test(name) || tags.has(name)) return null;
    tags.set(name, part.slice(at + 1).trim());
  }
  return tags;
}
