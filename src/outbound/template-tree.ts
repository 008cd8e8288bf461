// What a template reads, and where it would write a value unescaped: found in its syntax tree.

interface TreeNode {
  type: string;
  loc?: { start: { line: number; column: number } };
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
  for (const node of nodesOf(tree)) {
    if (node.type !== 'MustacheStatement' || (node as { escaped?: boolean }).escaped !== false) continue;
    const { line = 1, column = 0 } = node.loc?.start ?? {};
    return { line, column: column + 1 };
  }
  return undefined;
}

/** The first partial that is asked for and not written in the same file (`{{#*inline "name"}}`). */
export function missingPartialIn(tree: unknown): { name: string; line: number; column: number } | undefined {
  const inline = new Set<string>();
  for (const node of nodesOf(tree)) {
    const { params } = node as { params?: { value?: unknown }[] };
    if (node.type === 'DecoratorBlock') inline.add(String(params?.[0]?.value));
  }
  for (const node of nodesOf(tree)) {
    if (node.type !== 'PartialStatement' && node.type !== 'PartialBlockStatement') continue;
    const name = String((node as { name?: { original?: unknown } }).name?.original ?? '');
    const { line = 1, column = 0 } = node.loc?.start ?? {};
    if (!inline.has(name)) return { name, line, column: column + 1 };
  }
  return undefined;
}

function* nodesOf(value: unknown): Generator<TreeNode> {
  if (value === null || typeof value !== 'object') return;
  if (typeof (value as TreeNode).type === 'string') yield value as TreeNode;
  for (const [key, inner] of Object.entries(value)) if (key !== 'loc') yield* nodesOf(inner);
}
