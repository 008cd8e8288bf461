// What a check finds: gathered in order, and the worst of it.
import type { DnsRecord, Finding, FindingArea, FindingLevel } from '../../contracts/domain.ts';

const ORDER: readonly FindingLevel[] = ['ok', 'info', 'warning', 'error'];
const MAX_MESSAGE_CHARS = 500;

/** Writes a finding down. */
export type Say = (level: FindingLevel, code: string, message: string, record?: DnsRecord) => void;

export class Findings {
  readonly all: Finding[] = [];

  in(area: FindingArea): Say {
    return (level, code, message, record) =>
      void this.all.push({
        area,
        level,
        code,
        message: message.slice(0, MAX_MESSAGE_CHARS),
        record: record ?? null,
      });
  }

  get worst(): FindingLevel {
    return ORDER[Math.max(0, ...this.all.map(({ level }) => ORDER.indexOf(level)))] ?? 'ok';
  }
}

/** Text from the DNS as it may stand in a message: printable, and short. */
export function shown(text: string): string {
  const plain = text.replace(/[^\x20-\x7e]/g, '?');
  return plain.length > 100 ? `“${plain.slice(0, 100)}…”` : `“${plain}”`;
}
