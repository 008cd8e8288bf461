// Everything about a sending domain that the DNS tells: what is wrong in plain words, and the record that makes it right.
import type { DomainCheck } from '../../contracts/domain.ts';
import type { AskDns } from '../key-watch.ts';
import { checkDmarc } from './dmarc.ts';
import { DnsView } from './dns-view.ts';
import { Findings, type Say } from './findings.ts';
import { checkKeys, type DomainKeys } from './keys.ts';
import { checkMx, checkReverse } from './servers.ts';
import { checkSpf } from './spf.ts';

const MAX_HOSTS = 5; // SMTP servers of one domain's accounts

export interface DomainUse {
  /** In lower case and ASCII. */
  domain: string;
  /** The SMTP servers of the accounts that send from it: names or addresses. */
  hosts: readonly string[];
  /** All of those accounts send through providers that sign by themselves. */
  signedElsewhere: boolean;
  owner: DomainKeys | null;
}

/** @param now epoch milliseconds */
export async function checkDomain(ask: AskDns, use: DomainUse, now: number): Promise<DomainCheck> {
  const view = new DnsView(ask);
  const findings = new Findings();
  const { domain, owner, signedElsewhere } = use;
  const hosts = use.hosts.slice(0, MAX_HOSTS);
  try {
    if (await exists(view, domain, findings.in('domain'))) {
      await checkSpf(view, domain, hosts, findings.in('spf'));
      await checkKeys(view, owner, { signedElsewhere, now }, findings.in('dkim'));
      const signs = owner?.keys.some(({ state }) => state === 'active') === true;
      await checkDmarc(view, domain, owner && signs ? [owner.domain] : [], findings.in('dmarc'));
      await checkMx(view, domain, findings.in('mx'));
      await checkReverse(view, domain, hosts, findings.in('reverse'));
      await checkTransport(view, domain, findings.in('transport'));
      await checkBrand(view, domain, findings.in('brand'));
    }
  } finally {
    view.end();
  }
  const level = findings.worst;
  return {
    ...{ domain, level, ok: level !== 'error', findings: findings.all },
    ...{ questions: view.questions, checked_at: now },
  };
}

/** False where it is no use to ask on. */
async function exists(view: DnsView, domain: string, say: Say): Promise<boolean> {
  const answers = await Promise.all([
    view.ask(domain, 'NS'),
    view.ask(domain, 'MX'),
    view.ask(domain, 'TXT'),
  ]);
  if (answers.some(({ kind }) => kind === 'found')) return true;
  const [failed] = answers.filter((answer) => answer.kind === 'failed');
  if (answers.every(({ kind }) => kind === 'failed')) {
    say('error', 'domain_unknown', `Nothing of the domain could be asked for: ${failed?.why ?? ''}.`);
    return false;
  }
  if (answers.every((answer) => answer.kind === 'missing' && answer.nxdomain)) {
    say(
      'error',
      'domain_missing',
      'There is no such domain in the DNS. Check how it is written, and whether it is registered.',
    );
    return false;
  }
  return true;
}

async function checkTransport(view: DnsView, domain: string, say: Say): Promise<void> {
  const [sts, reports] = await Promise.all([
    view.ask(`_mta-sts.${domain}`, 'TXT'),
    view.ask(`_smtp._tls.${domain}`, 'TXT'),
  ]);
  const has = sts.kind === 'found' && sts.records.some((text) => /^v\s*=\s*STSv1\s*;/.test(text));
  say(
    'info',
    has ? 'mta_sts' : 'mta_sts_missing',
    has
      ? 'MTA-STS is published: others encrypt what they send to the domain.'
      : 'There is no MTA-STS. It is about mail to the domain, not from it.',
  );
  const told = reports.kind === 'found' && reports.records.some((text) => /^v\s*=\s*TLSRPTv1\s*;/.test(text));
  if (has && !told)
    say('info', 'tls_reports_missing', 'There is no TLS-RPT record, so nobody hears where encryption fails.');
}

async function checkBrand(view: DnsView, domain: string, say: Say): Promise<void> {
  const answer = await view.ask(`default._bimi.${domain}`, 'TXT');
  if (answer.kind === 'found' && answer.records.some((text) => /^v\s*=\s*BIMI1\s*;/.test(text)))
    say(
      'info',
      'bimi',
      'BIMI is published: some receivers show the logo of the domain, where DMARC is enforced.',
    );
}
