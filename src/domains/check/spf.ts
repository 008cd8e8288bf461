// SPF (RFC 7208): whether the domain says who may send in its name, in a way that receivers can follow, and whether the
// servers that Postern sends through are among them.
import type { DnsRecord } from '../../contracts/domain.ts';
import { isSameOrganisation, organisationOf } from '../../mail/trust/domains.ts';
import { familyOf, type IpRange, liesIn, rangeAround } from '../../network/ip-range.ts';
import { isPublicAddress } from '../../network/public-address.ts';
import { txtRecord } from '../dns-record.ts';
import type { DnsView } from './dns-view.ts';
import { type Say, shown } from './findings.ts';
import { parseSpf, type SpfMechanism, type SpfRecord } from './spf-record.ts';

const MAX_LOOKUPS = 10; // RFC 7208 §4.6.4
const MAX_VOID_LOOKUPS = 2; // the same
const MAX_WALKED = 25; // how far a record that breaks the limit is looked at, to say by how much
const MAX_MX_NAMES = 10; // RFC 7208 §4.6.4
const ASKS: ReadonlySet<string> = new Set(['include', 'a', 'mx', 'ptr', 'exists']);

/** What providers tell their customers to include, by the organisation of their SMTP servers. */
const INCLUDES: ReadonlyMap<string, string> = new Map([
  ['gmail.com', '_spf.google.com'],
  ['google.com', '_spf.google.com'],
  ['office365.com', 'spf.protection.outlook.com'],
  ['outlook.com', 'spf.protection.outlook.com'],
  ['fastmail.com', 'spf.messagingengine.com'],
  ['mail.me.com', 'icloud.com'],
  ['me.com', 'icloud.com'],
  ['yandex.com', '_spf.yandex.net'],
  ['yandex.ru', '_spf.yandex.net'],
]);

interface Walk {
  view: DnsView;
  lookups: number;
  voids: number;
  /** What receivers refuse the whole record for. */
  broken: string | null;
  /** Something could not be asked. */
  failed: string | null;
  /** Domains that are included, at any depth, and the addresses that may send. */
  included: Set<string>;
  allows: IpRange[];
  onTheWay: Set<string>;
}

/** @param hosts the SMTP servers of the accounts that send from the domain */
export async function checkSpf(
  view: DnsView,
  domain: string,
  hosts: readonly string[],
  say: Say,
): Promise<void> {
  const answer = await view.ask(domain, 'TXT');
  if (answer.kind === 'failed')
    return say('error', 'spf_unknown', `The SPF record could not be asked for: ${answer.why}.`);
  const texts = answer.kind === 'found' ? answer.records.filter(isSpf) : [];
  const [text] = texts;
  if (text === undefined) {
    const near = answer.kind === 'found' ? answer.records.find((one) => /spf1/i.test(one)) : undefined;
    return say(
      'error',
      near === undefined ? 'spf_missing' : 'spf_invalid',
      near === undefined
        ? 'There is no SPF record: receivers cannot tell which servers may send in the name of the domain.'
        : `There is a record that looks like SPF and is none: ${shown(near)}. It has to begin with v=spf1 and a space.`,
      proposal(domain, hosts),
    );
  }
  if (texts.length > 1)
    return say(
      'error',
      'spf_several',
      `There are ${texts.length} SPF records, and receivers then follow none (RFC 7208 §3.2). Make one of them.`,
    );
  const record = parseSpf(text);
  if (typeof record === 'string')
    return say('error', 'spf_invalid', `The SPF record cannot be read: ${record}.`, proposal(domain, hosts));
  const walk: Walk = {
    ...{ view, lookups: 0, voids: 0, broken: null, failed: null },
    ...{ included: new Set<string>(), allows: [], onTheWay: new Set([domain]) },
  };
  await follow(walk, record, domain);
  if (walk.broken !== null) say('error', 'spf_broken', `The SPF record cannot be followed: ${walk.broken}.`);
  if (walk.lookups > MAX_LOOKUPS)
    say(
      'error',
      'spf_too_many_lookups',
      `The SPF record makes receivers look up ${walk.lookups}${walk.lookups >= MAX_WALKED ? ' or more' : ''} names; more ` +
        `than ${MAX_LOOKUPS} and they give up (RFC 7208 §4.6.4). Take includes out that nothing is sent through.`,
    );
  if (walk.voids > MAX_VOID_LOOKUPS)
    say(
      'error',
      'spf_void_lookups',
      `${walk.voids} names in the SPF record do not exist; more than ${MAX_VOID_LOOKUPS} and receivers give up.`,
    );
  sayAll(record, walk, say);
  if (walk.failed !== null)
    say('warning', 'spf_partly_unknown', `A part of the SPF record could not be asked for: ${walk.failed}.`);
  for (const host of hosts) await sayHost(walk, domain, host, say);
}

const isSpf = (text: string): boolean => /^v=spf1(?: |$)/i.test(text);

/** What it says of everybody else. */
function sayAll({ mechanisms, redirect }: SpfRecord, { lookups, broken }: Walk, say: Say): void {
  const at = mechanisms.findIndex(({ kind }) => kind === 'all');
  const all = mechanisms[at];
  if (mechanisms.some(({ kind }) => kind === 'ptr'))
    say(
      'warning',
      'spf_ptr',
      'The SPF record uses ptr, which receivers are told not to follow (RFC 7208 §5.5).',
    );
  if (all && at < mechanisms.length - 1)
    say('warning', 'spf_after_all', 'What stands behind “all” in the SPF record is never looked at.');
  if (all?.qualifier === '+')
    say(
      'error',
      'spf_allows_all',
      'The SPF record ends in +all: everybody on the internet may send in the name of the domain.',
    );
  else if (all?.qualifier === '?' || (!all && redirect === null))
    say(
      'warning',
      'spf_neutral',
      'The SPF record says nothing of servers that it does not name: end it with ~all or -all.',
    );
  else if (broken === null && lookups <= MAX_LOOKUPS)
    say('ok', 'spf_ok', `There is one SPF record, and it takes ${lookups} of ${MAX_LOOKUPS} look-ups.`);
}

/** Whether a server that Postern hands mail to may send, as far as that can be told from here. */
async function sayHost(walk: Walk, domain: string, host: string, say: Say): Promise<void> {
  const addresses = familyOf(host) !== null ? [host] : await walk.view.addresses(host);
  const open = addresses?.filter(isPublicAddress) ?? [];
  const passing = open.filter((address) => walk.allows.some((range) => liesIn(address, range)));
  if (open.length > 0 && passing.length === open.length)
    return say('ok', 'spf_host_allowed', `The SMTP server ${host} may send by the SPF record.`);
  const organisation = organisationOf(host);
  const include = organisation === null ? undefined : INCLUDES.get(organisation);
  if ([...walk.included].some((name) => name === include || isSameOrganisation(name, host)))
    return say('ok', 'spf_host_included', `The SPF record includes the provider of ${host}.`);
  if (addresses !== null && addresses.length > 0 && open.length === 0)
    return say(
      'info',
      'spf_host_private',
      `The SMTP server ${host} has no public address: make sure that the SPF record names the one that its mail leaves from.`,
    );
  const wanted = include === undefined ? `a:${host}` : `include:${include}`;
  if (include !== undefined || isSameOrganisation(host, domain))
    return say(
      'error',
      'spf_host_missing',
      `The SPF record does not allow the SMTP server ${host}. Put ${wanted} into it, before “all”.`,
    );
  say(
    'warning',
    'spf_host_unclear',
    `The SPF record does not name the SMTP server ${host}. A relay often sends from other addresses: include what its ` +
      'provider tells you to.',
  );
}

/** Goes through a record, those that it includes, and the one that it hands on to. */
async function follow(walk: Walk, { mechanisms, redirect }: SpfRecord, domain: string): Promise<void> {
  for (const mechanism of mechanisms) {
    if (mechanism.kind === 'all') return; // what follows is never looked at, redirect= included
    if (ASKS.has(mechanism.kind) && ++walk.lookups >= MAX_WALKED) return;
    if (mechanism.domain.includes('%')) continue; // a macro: it depends on the mail
    if (mechanism.range) allow(walk, mechanism, mechanism.range);
    else if (mechanism.kind === 'include') await enter(walk, mechanism.domain, 'include');
    else if (mechanism.kind === 'a' || mechanism.kind === 'mx') await addressesOf(walk, mechanism, domain);
  }
  if (redirect === null || redirect.includes('%')) return;
  if (++walk.lookups >= MAX_WALKED) return;
  await enter(walk, redirect, 'redirect');
}

async function enter(walk: Walk, name: string, how: 'include' | 'redirect'): Promise<void> {
  const domain = name.toLowerCase().replace(/\.$/, '');
  walk.included.add(domain);
  if (walk.onTheWay.has(domain)) {
    walk.broken ??= `it leads back to ${shown(domain)}`;
    return;
  }
  const answer = await walk.view.ask(domain, 'TXT');
  if (answer.kind === 'failed') {
    walk.failed ??= `${shown(domain)}: ${answer.why}`;
    return;
  }
  if (answer.kind === 'missing') walk.voids++;
  const texts = answer.kind === 'found' ? answer.records.filter(isSpf) : [];
  const [text] = texts;
  if (text === undefined || texts.length > 1) {
    walk.broken ??= `${how}:${shown(domain)} leads to ${text === undefined ? 'no SPF record' : 'several SPF records'}`;
    return;
  }
  const record = parseSpf(text);
  if (typeof record === 'string') {
    walk.broken ??= `the record of ${shown(domain)} cannot be read: ${record}`;
    return;
  }
  walk.onTheWay.add(domain);
  await follow(walk, record, domain);
  walk.onTheWay.delete(domain);
}

async function addressesOf(walk: Walk, mechanism: SpfMechanism, own: string): Promise<void> {
  const domain = mechanism.domain === '' ? own : mechanism.domain;
  let names = [domain];
  if (mechanism.kind === 'mx') {
    const answer = await walk.view.ask(domain, 'MX');
    if (answer.kind === 'failed') walk.failed ??= `${shown(domain)}: ${answer.why}`;
    if (answer.kind === 'missing') walk.voids++;
    names = answer.kind === 'found' ? answer.records.map((one) => one.replace(/^\d+ /, '')) : [];
    if (names.length > MAX_MX_NAMES)
      walk.broken ??= `${shown(domain)} has more than ${MAX_MX_NAMES} MX records`;
  }
  for (const name of names.slice(0, MAX_MX_NAMES)) {
    const addresses = await walk.view.addresses(name);
    if (addresses === null) walk.failed ??= `the addresses of ${shown(name)}`;
    if (addresses?.length === 0 && mechanism.kind === 'a') walk.voids++;
    for (const address of addresses ?? [])
      allow(walk, mechanism, rangeAround(address, mechanism.bits4, mechanism.bits6));
  }
}

function allow(walk: Walk, { qualifier }: SpfMechanism, range: IpRange | null): void {
  if (qualifier === '+' && range !== null) walk.allows.push(range);
}

/** A record that names the servers of the accounts, as far as others can reach them by these names. */
function proposal(domain: string, hosts: readonly string[]): DnsRecord {
  const open = hosts.filter((host) => (familyOf(host) === null ? host.includes('.') : isPublicAddress(host)));
  const terms = open.map((host) => {
    const family = familyOf(host);
    if (family !== null) return `ip${family}:${host}`;
    const include = INCLUDES.get(organisationOf(host) ?? '');
    return include === undefined ? `a:${host}` : `include:${include}`;
  });
  return txtRecord(domain, ['v=spf1', ...new Set(terms.length > 0 ? terms : ['mx']), '~all'].join(' '));
}
