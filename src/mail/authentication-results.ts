// The Authentication-Results header (RFC 8601), as the receiving server wrote it: comments and quotes understood, in
// linear time, and nothing guessed.

export interface AuthenticationResult {
  /** In lower case, such as `dkim`, `spf`, `dmarc`. */
  method: string;
  /** In lower case, such as `pass` or `fail`. */
  result: string;
  /** By `ptype.property` in lower case, such as `header.d`. */
  properties: Map<string, string>;
}

export interface AuthenticationResults {
  authservId: string;
  results: AuthenticationResult[];
}

const MAX_CHARS = 16 * 1024;
const MAX_RESULTS = 50;

/** Reads one header value; undefined where it does not follow the grammar far enough to name its server. */
export function readAuthenticationResults(value: string): AuthenticationResults | undefined {
  const sections = split(value.slice(0, MAX_CHARS));
  const head = sections[0]?.[0];
  if (!head || head.quoted) return undefined;
  const results: AuthenticationResult[] = [];
  for (const tokens of sections.slice(1, MAX_RESULTS + 1)) {
    const result = readResult(tokens);
    if (result) results.push(result);
  }
  return { authservId: head.text.toLowerCase(), results };
}

interface Token {
  text: string;
  quoted: boolean;
}

/** `method[/version] = result` and then `ptype.property = value` (RFC 8601 §2.2). `=` is a token of its own. */
function readResult(tokens: readonly Token[]): AuthenticationResult | undefined {
  const [method, equals, result] = tokens;
  if (!method || method.quoted || equals?.text !== '=' || equals.quoted || !result || result.quoted)
    return undefined;
  const properties = new Map<string, string>();
  for (let i = 3; i + 2 < tokens.length; ) {
    const [name, sign, value] = [tokens[i], tokens[i + 1], tokens[i + 2]];
    if (name && !name.quoted && sign?.text === '=' && !sign.quoted && value) {
      const key = name.text.toLowerCase();
      if (!properties.has(key)) properties.set(key, value.text);
      i += 3;
    } else i++;
  }
  return {
    method: method.text.toLowerCase().split('/', 1)[0] ?? '',
    result: result.text.toLowerCase(),
    properties,
  };
}

/** Sections between semicolons, as tokens; comments are left out, quoted strings are unquoted and marked. */
function split(value: string): Token[][] {
  const sections: Token[][] = [[]];
  let word = '';
  const flush = (): void => {
    if (word !== '') sections.at(-1)?.push({ text: word, quoted: false });
    word = '';
  };
  let depth = 0;
  for (let i = 0; i < value.length; i++) {
    const char = value[i] as string;
    if (depth > 0) {
      if (char === '\\') i++;
      else if (char === '(') depth++;
      else if (char === ')') depth--;
      continue;
    }
    if (char === '(') {
      flush();
      depth = 1;
    } else if (char === '"') {
      flush();
      let text = '';
      for (i++; i < value.length && value[i] !== '"'; i++) {
        if (value[i] === '\\') i++;
        text += value[i] ?? '';
      }
      sections.at(-1)?.push({ text, quoted: true });
    } else if (char === ';') {
      flush();
      sections.push([]);
    } else if (char === '=') {
      flush();
      sections.at(-1)?.push({ text: '=', quoted: false });
    } else if (/\s/.test(char)) flush();
    else word += char;
  }
  flush();
  return sections;
}
