// The one door of yaml: a file's text to plain data, with the line and column of every value and key in it.
import {
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  parseDocument,
  stringify,
  visit,
} from 'yaml';

const MAX_DEPTH = 80; // conditions nest 16 deep and take two levels each; the rest of the language needs 10
const MAX_ALIASES = 100; // enough to write a list once; aliases of aliases ("billion laughs") end here
const MAX_ALIAS_NODES = 1000; // in one file, however little each stands for
const MAX_ERRORS = 20; // after the first few the rest follows from them

export interface Position {
  line: number;
  column: number;
}

export interface PositionedProblem extends Position {
  message: string;
}

export interface YamlFile {
  /** Null for an empty file, and when there are problems. */
  data: unknown;
  problems: PositionedProblem[];
  /** Where the value at a path stands, or the nearest thing around it that exists. */
  valueAt(path: readonly PropertyKey[]): Position;
  /** Where a key of the mapping at a path stands. */
  keyAt(path: readonly PropertyKey[], key: string): Position;
}

export function readYaml(text: string): YamlFile {
  const lines = new LineCounter();
  const positionOf = (offset: number): Position => {
    const { line, col } = lines.linePos(offset);
    return { line: Math.max(line, 1), column: Math.max(col, 1) };
  };
  const failed = (...problems: PositionedProblem[]): YamlFile => ({
    data: null,
    problems,
    valueAt: () => positionOf(0),
    keyAt: () => positionOf(0),
  });
  let doc: ReturnType<typeof parseDocument>;
  let data: unknown;
  try {
    doc = parseDocument(text, { lineCounter: lines, prettyErrors: false, stringKeys: true, version: '1.2' });
    const mistakes = [...doc.errors, ...doc.warnings].map(({ code, message, pos }) => ({
      offset: pos[0],
      message: inWords(code, message),
    }));
    if (mistakes.length === 0) mistakes.push(...unfitNodes(doc));
    if (mistakes.length > 0) return failed(...firstOnEachLine(mistakes, positionOf));
    data = doc.toJS({ maxAliasCount: MAX_ALIASES });
  } catch (error) {
    // A stack that ran over, or aliases beyond their bound.
    return failed({ ...positionOf(0), message: `the file cannot be read: ${(error as Error).message}` });
  }

  const nodeAt = (path: readonly PropertyKey[]): Node | null => {
    let node = doc.contents as Node | null;
    for (const step of path) {
      const next = resolved(node);
      let child: unknown;
      if (isMap(next)) child = next.get(String(step), true);
      else if (isSeq(next)) child = next.get(Number(step), true);
      if (!child) return node;
      node = child as Node;
    }
    return node;
  };
  const resolved = (node: Node | null): Node | null =>
    isAlias(node) ? ((node.resolve(doc) as Node | undefined) ?? null) : node;
  const start = (node: Node | null): Position => positionOf(node?.range?.[0] ?? 0);
  return {
    data,
    problems: [],
    valueAt: (path) => start(nodeAt(path)),
    keyAt: (path, key) => {
      const map = resolved(nodeAt(path));
      const pair = isMap(map) ? map.items.find((item) => isScalar(item.key) && item.key.value === key) : null;
      return start((pair?.key as Node | undefined) ?? map);
    },
  };
}

interface Mistake {
  offset: number;
  message: string;
}

/** What follows on a line after its first mistake mostly follows from it. */
function firstOnEachLine(mistakes: Mistake[], positionOf: (offset: number) => Position): PositionedProblem[] {
  const problems = new Map<number, PositionedProblem>();
  for (const { offset, message } of mistakes.sort((a, b) => a.offset - b.offset)) {
    const position = positionOf(offset);
    if (!problems.has(position.line)) problems.set(position.line, { ...position, message });
    if (problems.size === MAX_ERRORS) break;
  }
  return [...problems.values()];
}

/** Nodes that are good YAML, and that would mislead or harm what reads the data. */
function unfitNodes(doc: ReturnType<typeof parseDocument>): Mistake[] {
  const found: Mistake[] = [];
  const add = (node: unknown, message: string): undefined => {
    found.push({ offset: (node as Node).range?.[0] ?? 0, message });
  };
  const anchors = new Map<string, Node>();
  let aliases = 0;
  visit(doc, {
    Value: (_key, node, parents) => {
      if (node.anchor) anchors.set(node.anchor, node);
      // Every level of the language is two of YAML: a pair or an item, and its value.
      if (parents.length <= MAX_DEPTH * 2) return undefined;
      add(node, `is nested more than ${MAX_DEPTH} deep`);
      return visit.SKIP;
    },
    Alias: (_key, alias, parents) => {
      if (++aliases > MAX_ALIAS_NODES) {
        add(alias, `is one alias more than ${MAX_ALIAS_NODES}`);
        return visit.BREAK;
      }
      // Not alias.resolve(), which walks the document each time.
      const target = anchors.get(alias.source);
      if (!target) return add(alias, `there is no anchor &${alias.source}${QUOTE_STAR}`);
      return parents.includes(target) ? add(alias, `*${alias.source} refers to itself`) : undefined;
    },
    Pair: (_key, pair) => {
      const bad = isScalar(pair.key) && pair.key.value === '__proto__';
      return bad ? add(pair.key, 'unknown key `__proto__`') : undefined;
    },
  });
  return found;
}

const QUOTE_STAR = '; a word that begins with * or & must stand in quotes, such as "*@example.org"';

function inWords(code: string, message: string): string {
  const said = message.replace(/\.$/, '').replace(/^\w/, (first) => first.toLowerCase());
  switch (code) {
    case 'BAD_ALIAS':
      return said + QUOTE_STAR;
    case 'TAG_RESOLVE_FAILED':
    case 'MULTIPLE_TAGS':
      return `${said}; a word that begins with ! must stand in quotes, such as "!spam"`;
    case 'BAD_SCALAR_START':
      return `${said}; put the word in quotes`;
    case 'TAB_AS_INDENT':
      return `${said}; indent with spaces`;
    case 'DUPLICATE_KEY':
      return 'this key is here twice; write it once, with a list of values or under `all`';
    case 'MULTIPLE_DOCS':
      return 'a second document begins here; put it into a file of its own';
    case 'NON_STRING_KEY':
      return 'a key must be a word; put it in quotes';
    case 'BLOCK_AS_IMPLICIT_KEY':
      return `${said}; put a text that has a colon in quotes`;
    case 'UNEXPECTED_TOKEN':
      return `${said}; put a text that begins with a bracket, brace or quote in quotes as a whole`;
    default:
      return said;
  }
}

const LINE_CHARS = 110; // as the files are written

/** Plain data as YAML that a person reads and edits. */
export function yamlOf(data: unknown): string {
  return stringify(data, { lineWidth: LINE_CHARS, aliasDuplicateObjects: false });
}
