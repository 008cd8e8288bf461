// The lines as a table for people and as JSON for programs.
import { type Budget, holds, type Line, ratioOf } from './benchmark.ts';

/** What `--json` writes of one line: DESIGN.md's five fields, and what they mean. */
export interface JsonLine {
  ours: number;
  baseline: number | null;
  ratio: number | null;
  budget: number;
  holds: boolean;
  /** What the budget is held against. */
  budget_of: Budget['of'];
  difference: number | null;
  unit: Line['unit'];
  against: string;
  runs: Line['runs'];
}

export function toJson(lines: readonly Line[]): Record<string, JsonLine> {
  return Object.fromEntries(
    lines.map((line) => [
      line.name,
      {
        ours: rounded(line.ours),
        baseline: line.baseline === null ? null : rounded(line.baseline),
        ratio: orNull(ratioOf(line)),
        budget: line.budget.value,
        holds: holds(line),
        budget_of: line.budget.of,
        difference: orNull(line.difference ?? null),
        unit: line.unit,
        against: line.against,
        runs: { ours: line.runs.ours.map(rounded), baseline: line.runs.baseline.map(rounded) },
      },
    ]),
  );
}

export function toTable(lines: readonly Line[]): string {
  const head = ['name', 'ours', 'baseline', 'compared', 'budget', 'holds', 'against'];
  const rows = lines.map((line) => [
    line.name,
    `${figure(line.ours)} ${line.unit}`,
    line.baseline === null ? '-' : `${figure(line.baseline)} ${line.unit}`,
    comparedOf(line),
    budgetOf(line),
    line.budget.of === 'none' ? '-' : holds(line) ? 'yes' : 'NO',
    line.against,
  ]);
  const widths = head.map((_, column) => Math.max(...[head, ...rows].map((row) => row[column]?.length ?? 0)));
  const write = (row: string[]): string =>
    row
      .map((cell, column) =>
        isFigure(column) ? cell.padStart(widths[column] ?? 0) : cell.padEnd(widths[column] ?? 0),
      )
      .join('  ')
      .trimEnd();
  return [write(head), widths.map((width) => '-'.repeat(width)).join('  '), ...rows.map(write)].join('\n');
}

const isFigure = (column: number): boolean => column >= 1 && column <= 4;

function comparedOf(line: Line): string {
  if (line.budget.of === 'difference') return `${figure(line.difference ?? 0)} ${line.unit} more`;
  const ratio = ratioOf(line);
  return ratio === null ? '-' : `${ratio.toFixed(2)} x`;
}

function budgetOf({ budget, unit }: Line): string {
  if (budget.of === 'none') return '-';
  if (budget.of === 'ratio') return `>= ${budget.value} x`;
  if (budget.of === 'most') return `<= ${budget.value} x`;
  return budget.of === 'difference' ? `<= ${budget.value} ${unit} more` : `<= ${budget.value} ${unit}`;
}

const figure = (value: number): string => (Math.abs(value) >= 100 ? value.toFixed(0) : value.toFixed(1));
const rounded = (value: number): number => Math.round(value * 1000) / 1000;
const orNull = (value: number | null): number | null => (value === null ? null : rounded(value));
