// Rules to measure with: as many as asked for, of every kind that people write, of which one mail in fifty matches one.
import { COMPANIES } from './mails.ts';

const MATCHING_EVERY = 50; // of the companies that write, this share has a rule

/** One kind of rule for each place in ten: shares are as in a gateway that grew by customers and projects. */
const KINDS: readonly ((n: number) => string)[] = [
  (n) => `{ from: "*@${companyOf(n)}" }`,
  (n) => `{ from: "*@client${n}.example", thread: new }`,
  (n) => `{ from: ["buyer@client${n}.example", "sales@*.partner${n}.example"], attachment: true }`,
  (n) => `{ from: "*@branch${n}.example", not: { subject: "newsletter" } }`,
  (n) => `{ subject: '/\\border[- ]?no\\.? ?${n}\\b/i' }`,
  (n) => `{ subject: "project number ${n}", to: "bench@receiver.example" }`,
  (n) => `{ subject: '/^(re|fwd?): .*\\bticket-${n}\\b/i', size: "<5MB" }`,
  (n) => `{ attachment: { name: "report-${n}-*.pdf", type: application/pdf } }`,
  (n) => `{ header: { x-campaign: "campaign-${n}" } }`,
  (n) =>
    `{ any: [{ list_id: "list${n}.example" }, { all: [{ cc: "*@group${n}.example" }, { size: ">1MB" }] }] }`,
];

/** A rules file with `count` rules and, before them, `first`: text of rules, at the depth of list items. */
export function rulesYaml(count: number, first = '', agents = ''): string {
  const rules: string[] = [];
  for (let n = 0; n < count; n++) {
    const when = (KINDS[n % KINDS.length] as (n: number) => string)(n);
    rules.push(`  - name: rule ${n}\n    when: ${when}\n    then: [{ label: Bench/Matched }]`);
  }
  return `${agents}rules:\n${first}${rules.join('\n')}\n`;
}

/** The first rules of this kind name companies that write, the others those that do not. */
function companyOf(n: number): string {
  const at = Math.floor(n / KINDS.length) * MATCHING_EVERY;
  return at < COMPANIES ? `company${at}.example` : `absent${n}.example`;
}
