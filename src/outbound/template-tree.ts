// What stands in the syntax tree of a template: what it reads, which partials and pictures it asks for, and where it would
// write a value unescaped.

export interface TreeNode {
  type: string;
  loc?: { start: { line: number; column: number } };
}

export interface Found {
  name: string;
  line: number;
  column: number;
}

/** Every name that stands in a path, and every text that may be one (`lookup message "text"`). */
export function namesIn(tree: unknown): Set<string> {
  const names = new Set<string>();
  for (const node of nodesOf(tree)) {
    const { parts, value } = node as { parts?: unknown[]; value?: unknown };
    if (node.type === 'PathExpression') for (const part of parts ?? []) names.add(String(part));
    if (node.type === 'StringLiteral') names.add(String(value));
  }
  return names;
}

/** The first place with three braces, or with `&`. */
export function unescapedIn(tree: unknown): { line: number; column: number } | undefined {
  for (const node of nodesOf(tree))
    if (node.type === 'MustacheStatement' && (node as { escaped?: boolean }).escaped === false)
      return placeOf(node);
  return undefined;
}

/** Partials that are written in the file itself: `{{#*inline "name"}}`. */
export function inlinePartialsIn(tree: unknown): Set<string> {
  const inline = new Set<string>();
  for (const node of nodesOf(tree)) {
    const { params } = node as { params?: { value?: unknown }[] };
    if (node.type === 'DecoratorBlock') inline.add(String(params?.[0]?.value));
  }
  return inline;
}

/** The partials that are asked for; `isSlot` where the place says itself what stands there without one. */
export function partialsIn(tree: unknown): (Found & { isSlot: boolean })[] {
  const found = [];
  for (const node of nodesOf(tree)) {
    if (node.type !== 'PartialStatement' && node.type !== 'PartialBlockStatement') continue;
    const name = String((node as { name?: { original?: unknown } }).name?.original ?? '');
    found.push({ name, ...placeOf(node), isSlot: node.type === 'PartialBlockStatement' });
  }
  return found;
}

/** The pictures that `{{image "name"}}` asks for; a name that is not written out is empty. */
export function imagesIn(tree: unknown): Found[] {
  const found = [];
  for (const node of nodesOf(tree)) {
    const { path, params } = node as {
      path?: { original?: unknown };
      params?: { type: string; value?: unknown }[];
    };
    if (path?.original !== 'image' || !params || params.length === 0) continue;
    const [first] = params;
    found.push({
      name: first?.type === 'StringLiteral' ? String(first.value) : '',
      ...placeOf(node),
    });
  }
  return found;
}

/** Lines counted on from there, so that one number tells of which file they are. Changes the tree. */
export function shiftLines(tree: unknown, lines: number): void {
  const seen = new Set<object>();
  for (const { loc } of nodesOf(tree) as Iterable<{
    loc?: { start: { line: number }; end?: { line: number } };
  }>) {
    if (!loc || seen.has(loc)) continue;
    seen.add(loc);
    loc.start.line += lines;
    if (loc.end && loc.end !== loc.start) loc.end.line += lines;
  }
}

interface Mustache extends TreeNode {
  path: TreeNode & { strict?: boolean };
  params: unknown[];
  hash?: { pairs: unknown[] } | null;
}

/**
 * Every value that is written goes through one helper, by whose hands it is counted, escaped and kept apart. A name alone is
 * always a field, also where a helper has that name. Changes the tree.
 * @param isLeft whether a place is left as it is
 */
export function writeThrough(tree: unknown, helper: string, isLeft: (node: TreeNode) => boolean): void {
  for (const node of [...nodesOf(tree)] as Mustache[]) {
    if (node.type !== 'MustacheStatement' || node.path.type !== 'PathExpression' || isLeft(node)) continue;
    const { path, params, hash, loc } = node;
    const isField = params.length === 0 && !hash?.pairs.length;
    if (isField) path.strict = true;
    const value = isField ? path : { type: 'SubExpression', path, params, hash, loc };
    const { data: _, ...rest } = path as unknown as Record<string, unknown>;
    node.path = {
      ...rest,
      type: 'PathExpression',
      data: false,
      depth: 0,
      parts: [helper],
      original: helper,
    } as unknown as Mustache['path'];
    node.params = [value];
    node.hash = null;
  }
}

/** A body as the block of a partial, its layout. */
export function asBlock(body: unknown, layout: string): unknown {
  const { loc } = body as TreeNode;
  const strip = { open: false, close: false };
  const name = { type: 'PathExpression', data: false, depth: 0, parts: [layout], original: layout, loc };
  const block = {
    ...{ type: 'PartialBlockStatement', name, params: [], hash: undefined, program: body, loc },
    ...{ openStrip: strip, closeStrip: strip },
  };
  return { type: 'Program', body: [block], blockParams: [], strip: {}, loc };
}

/** Whether what a place says belongs to the page, because CSS asks for it: classes, the language and its direction. */
export function ofPage(text: string): (node: TreeNode & { path?: { original?: unknown } }) => boolean {
  const starts = [0];
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) starts.push(at + 1);
  return ({ loc, path }) => {
    if (path?.original === '@dir' || path?.original === '@lang') return true;
    if (!loc) return false;
    const end = (starts[loc.start.line - 1] ?? 0) + loc.start.column;
    return /\sclass\s*=\s*"[^"]*$/i.test(text.slice(Math.max(0, end - 500), end));
  };
}

function placeOf({ loc }: TreeNode): { line: number; column: number } {
  const { line = 1, column = 0 } = loc?.start ?? {};
  return { line, column: column + 1 };
}

function* nodesOf(value: unknown): Generator<TreeNode> {
  if (value === null || typeof value !== 'object') return;
  if (typeof (value as TreeNode).type === 'string') yield value as TreeNode;
  for (const [key, inner] of Object.entries(value)) if (key !== 'loc') yield* nodesOf(inner);
}
