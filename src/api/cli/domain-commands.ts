// Sending domains at the terminal: the records to publish in full, and a check line by line.
import type { DnsRecord, DomainCheck, DomainView, FindingLevel } from '../../contracts/domain.ts';
import type { Special } from './command.ts';
import { type CliIo, EXIT, print } from './io.ts';
import { safeLine } from './terminal-text.ts';

const MARKS: Readonly<Record<FindingLevel, string>> = {
  ok: 'ok     ',
  info: 'note   ',
  warning: 'WARNING',
  error: 'ERROR  ',
};

export const domainCheck: Special = {
  show(io, { domain, level, findings }: DomainCheck) {
    for (const { level: one, area, message, record } of findings) {
      print(io, `${MARKS[one]}  ${area.toUpperCase().padEnd(9)}  ${safeLine(message)}`);
      if (record) sayRecord(io, record);
    }
    const count = (wanted: FindingLevel) => findings.filter((finding) => finding.level === wanted).length;
    const ends = {
      ok: 'all is well',
      info: 'all is well',
      warning: 'works, and could be better',
      error: 'something is wrong',
    };
    print(
      io,
      `${safeLine(domain)}: ${ends[level]} (${count('error')} errors, ${count('warning')} warnings).`,
    );
  },
  exitCode: ({ ok }: DomainCheck) => (ok ? EXIT.ok : EXIT.refused),
};

export const domainShow: Special = {
  show(io, { name, signs, keys }: DomainView) {
    print(io, `${safeLine(name)}: its mail ${signs ? 'is signed' : 'leaves unsigned'}.`);
    for (const { selector, algorithm, bits, state, record, problem, retire_at: until } of keys) {
      print(io, '');
      print(io, `${safeLine(selector)}  ${algorithm} (${bits} bits)  ${TOLD[state]}`);
      if (until !== null) print(io, `  its record may go on ${new Date(until).toISOString().slice(0, 10)}`);
      if (problem !== null) print(io, `  at the last look: ${safeLine(problem)}`);
      if (state !== 'retired') sayRecord(io, record);
    }
  },
};

const TOLD = {
  pending: 'waits for its record: publish it',
  active: 'signs',
  retiring: 'signs no more; leave its record for now',
  retired: 'is retired: its record may go',
} as const;

/** A key that there is already comes from a file or stdin, never from the command line, where others see it. */
export const domainRotate: Special = { ...domainShow, without: ['private-key'] };

function sayRecord(io: CliIo, { type, name, value, zone }: DnsRecord): void {
  print(io, `    name   ${safeLine(name)}`);
  print(io, `    type   ${type}`);
  print(io, `    value  ${safeLine(value)}`);
  if (value.length > 255) print(io, `    zone   ${safeLine(zone)}`);
}
