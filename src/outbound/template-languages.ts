// In which language a template speaks: by BCP 47 lookup (RFC 4647 §3.4), from what is asked to what is there.

/** Those that are written from right to left (CLDR, `characterOrder`). */
const RIGHT_TO_LEFT = new Set(['ar', 'ckb', 'dv', 'fa', 'he', 'ks', 'ps', 'sd', 'ug', 'ur', 'yi']);

/** `de-CH`, `de`: from what was asked for to what it is a kind of. */
export function fallbacksOf(language: string): string[] {
  const parts = language.toLowerCase().split('-');
  const found: string[] = [];
  while (parts.length > 0) {
    found.push(parts.join('-'));
    parts.pop();
    if (parts.at(-1)?.length === 1) parts.pop(); // a lone letter begins what was cut off
  }
  return found;
}

/** @param there in lower case @returns null where there is none */
export const lookUp = (language: string, there: Iterable<string>): string | null => {
  const known = new Set(there);
  return fallbacksOf(language).find((one) => known.has(one)) ?? null;
};

export function directionOf(language: string): 'ltr' | 'rtl' {
  const [base = '', script = ''] = language.toLowerCase().split('-');
  if (['arab', 'hebr', 'thaa', 'nkoo', 'syrc'].includes(script)) return 'rtl';
  return RIGHT_TO_LEFT.has(base) && script !== 'latn' && script !== 'cyrl' ? 'rtl' : 'ltr';
}

/** As BCP 47 writes it: `de-CH`. @throws RangeError for what is no language */
export const canonical = (language: string): string => Intl.getCanonicalLocales(language)[0] ?? language;
