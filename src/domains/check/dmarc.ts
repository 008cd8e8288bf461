// DMARC (RFC 7489, RFC 9989): whether receivers are told what to do with mail that fails, and whether ours can pass.
import { organisationOf } from '../../mail/trust/domains.ts';
import { txtRecord } from '../dns-record.ts';
import { tagList } from '../tag-list.ts';
import type { DnsView } from './dns-view.ts';
import { type Say, shown } from './findings.ts';

const POLICIES = ['none', 'quarantine', 'reject'];
const MAX_REPORT_ADDRESSES = 5; // receivers need not send to more than two

/** @param signers the domains (`d=`) that Postern signs the domain's mail with */
export async function checkDmarc(
  view: DnsView,
  domain: string,
  signers: readonly string[],
  say: Say,
): Promise<void> {
  const organisation = organisationOf(domain) ?? domain;
  for (const name of new Set([domain, organisation])) {
    const answer = await view.ask(`_dmarc.${name}`, 'TXT');
    if (answer.kind === 'failed')
      return say(
        'error',
        'dmarc_unknown',
        `The DMARC record of ${name} could not be asked for: ${answer.why}.`,
      );
    const all = answer.kind === 'found' ? answer.records : [];
    const records = all.filter((text) => /^v\s*=\s*DMARC1\s*(?:;|$)/.test(text));
    if (records.length > 1)
      return say(
        'error',
        'dmarc_several',
        `There are ${records.length} DMARC records at _dmarc.${name}, and receivers then follow none.`,
      );
    const [record] = records;
    if (record !== undefined) return sayRecord(view, { domain, name, record, signers }, say);
    const near = all.find((text) => /dmarc/i.test(text));
    if (near !== undefined)
      return say(
        'error',
        'dmarc_invalid',
        `There is a record at _dmarc.${name} that is no DMARC record: ${shown(near)}. It has to begin with v=DMARC1;.`,
        proposal(name),
      );
  }
  say(
    'warning',
    'dmarc_missing',
    'There is no DMARC record: large receivers ask for one, and anybody can write From the domain. Begin with p=none and ' +
      'an address for reports.',
    proposal(domain),
  );
}

const proposal = (domain: string) =>
  txtRecord(`_dmarc.${domain}`, `v=DMARC1; p=none; rua=mailto:dmarc@${domain}`);

interface Found {
  domain: string;
  /** Where it was found: the domain, or the organisation's. */
  name: string;
  record: string;
  signers: readonly string[];
}

async function sayRecord(view: DnsView, { domain, name, record, signers }: Found, say: Say): Promise<void> {
  const tags = tagList(record);
  const wrong = tags ? mistakeIn(tags) : 'it is not a list of tags';
  if (!tags || wrong !== null)
    return say(
      'error',
      'dmarc_invalid',
      `The DMARC record at _dmarc.${name} cannot be read: ${wrong}.`,
      proposal(name),
    );
  const inherited = name !== domain;
  const policy = ((inherited ? tags.get('sp') : undefined) ?? tags.get('p') ?? '').toLowerCase();
  const where = inherited ? `, taken over from ${name}` : '';
  if (policy === 'none')
    say(
      'warning',
      'dmarc_policy_none',
      `The DMARC policy is none${where}: mail that fails is let in. Once the reports show that all of yours passes, make it ` +
        'quarantine, then reject.',
    );
  else say('ok', 'dmarc_ok', `The DMARC policy is ${policy}${where}.`);
  const strict = tags.get('adkim')?.toLowerCase() === 's';
  const foreign = signers.filter((signer) => signer !== domain);
  if (strict && foreign.length > 0 && foreign.length === signers.length)
    say(
      'error',
      'dmarc_alignment',
      `The DMARC record wants signatures of ${domain} itself (adkim=s), and its mail is signed by ${foreign[0]}.`,
    );
  const percent = tags.get('pct');
  if (percent !== undefined && Number(percent) < 100)
    say(
      'info',
      'dmarc_percent',
      `The DMARC policy is for ${percent} % of the mail (pct); newer receivers do not look at that.`,
    );
  const addresses = (tags.get('rua') ?? '')
    .split(',')
    .map((text) => text.trim())
    .filter((text) => text !== '');
  if (addresses.length === 0)
    return say(
      'info',
      'dmarc_no_reports',
      'The DMARC record names no address for reports (rua): nobody hears of mail that fails.',
    );
  await sayReports(view, name, addresses, say);
}

function mistakeIn(tags: ReadonlyMap<string, string>): string | null {
  const [first] = tags.keys();
  if (first !== 'v') return 'v=DMARC1 has to come first';
  const policy = tags.get('p')?.toLowerCase();
  if (policy === undefined) return 'it has no policy (p=)';
  if (!POLICIES.includes(policy)) return `its policy ${shown(policy)} is none that there is`;
  const below = tags.get('sp')?.toLowerCase();
  if (below !== undefined && !POLICIES.includes(below))
    return `its sp= ${shown(below)} is none that there is`;
  for (const name of ['adkim', 'aspf'])
    if (!['r', 's'].includes(tags.get(name)?.toLowerCase() ?? 'r')) return `${name}= is neither r nor s`;
  if (!/^(?:100|\d{1,2})$/.test(tags.get('pct') ?? '100')) return 'pct= is not a number up to 100';
  return null;
}

/** Reports to an address elsewhere are sent only if that domain has said that it takes them (RFC 7489 §7.1). */
async function sayReports(
  view: DnsView,
  name: string,
  addresses: readonly string[],
  say: Say,
): Promise<void> {
  for (const address of addresses.slice(0, MAX_REPORT_ADDRESSES)) {
    const target = /^mailto:[^@\s]+@([A-Za-z0-9.-]+?)\.?(?:![0-9]+[kmgt]?)?$/i
      .exec(address)?.[1]
      ?.toLowerCase();
    if (target === undefined) {
      say(
        'warning',
        'dmarc_report_address',
        `The DMARC record sends reports to ${shown(address)}, which is no mailto: address.`,
      );
      continue;
    }
    if (organisationOf(target) === organisationOf(name)) continue;
    const permit = `${name}._report._dmarc.${target}`;
    const answer = await view.ask(permit, 'TXT');
    if (answer.kind === 'found' && answer.records.some((text) => /^v\s*=\s*DMARC1/.test(text))) continue;
    if (answer.kind === 'failed') continue;
    say(
      'warning',
      'dmarc_report_refused',
      `Reports go to ${target}, which has not said that it takes them for ${name}. Whoever runs ${target} has to publish it.`,
      txtRecord(permit, 'v=DMARC1'),
    );
  }
}
