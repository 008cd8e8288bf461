// Domains that mail is sent from: their DKIM keys, and the check of their records in the DNS.
import { z } from 'zod';
import {
  domainCheck,
  domainInput,
  domainText,
  domainView,
  newKey,
  selector,
} from '../../contracts/domain.ts';
import { defineOperation, type Operation } from '../registry.ts';

const domain = domainText.describe('The name of the domain, such as example.org, or its id.');
const byDomain = z.strictObject({ domain });

export const domainOperations: readonly Operation[] = [
  defineOperation({
    name: 'domain.list',
    summary: 'List the domains that mail is sent from, with their DKIM keys.',
    input: z.strictObject({}),
    output: z.object({ data: z.array(domainView) }),
    permission: 'domains:read',
    effects: 'read',
    http: { method: 'GET', path: '/v1/domains' },
    cli: { words: ['domain', 'list'], columns: ['name', 'signs', 'created_at', 'id'] },
    handler: async ({ rooms }) => ({ data: await rooms.domains.list() }),
  }),
  defineOperation({
    name: 'domain.add',
    summary: 'Add a domain and make its DKIM key. Its mail is signed once the record of the key was seen.',
    input: domainInput,
    output: domainView,
    permission: 'domains:write',
    effects: 'write',
    http: { method: 'POST', path: '/v1/domains', status: 201 },
    cli: { words: ['domain', 'add'], args: ['domain'] },
    idempotent: true,
    audit: async (_context, input) => input.domain,
    handler: ({ rooms }, input) => rooms.domains.add(input.domain, input),
  }),
  defineOperation({
    name: 'domain.get',
    summary: 'Show a domain, its keys and the records to publish.',
    input: byDomain,
    output: domainView,
    permission: 'domains:read',
    effects: 'read',
    http: { method: 'GET', path: '/v1/domains/{domain}' },
    cli: { words: ['domain', 'show'], args: ['domain'] },
    handler: ({ rooms }, input) => rooms.domains.get(input.domain),
  }),
  defineOperation({
    name: 'domain.check',
    summary:
      'Check what the DNS says of a domain: SPF, DKIM, DMARC, MX, the names of its servers. Says what is wrong and which ' +
      'record makes it right.',
    input: z.strictObject({ domain: domainText.describe('The name of any domain.') }),
    output: domainCheck,
    permission: 'domains:read',
    effects: 'write', // a key whose record it finds may sign from then on
    http: { method: 'POST', path: '/v1/domains/{domain}/check' },
    cli: { words: ['domain', 'check'], args: ['domain'] },
    handler: ({ rooms }, input) => rooms.domainChecks.run(input.domain),
  }),
  defineOperation({
    name: 'domain.rotate',
    summary:
      'Make the next DKIM key of a domain, or bring one. It takes over an hour after its record was seen; the one before ' +
      'it retires.',
    input: byDomain.extend(newKey.shape),
    output: domainView,
    permission: 'domains:write',
    effects: 'write',
    http: { method: 'POST', path: '/v1/domains/{domain}/rotate' },
    cli: { words: ['domain', 'rotate'], args: ['domain'] },
    idempotent: true,
    audit: async (_context, input) => input.domain,
    handler: ({ rooms }, { domain: name, ...key }) => rooms.domains.rotate(name, key),
  }),
  defineOperation({
    name: 'domain.remove_key',
    summary: 'Throw away a DKIM key. After one that signs, mail leaves unsigned until another does.',
    input: byDomain.extend({ selector }),
    output: domainView,
    permission: 'domains:write',
    effects: 'destructive',
    http: { method: 'DELETE', path: '/v1/domains/{domain}/keys/{selector}' },
    cli: { words: ['domain', 'remove-key'], args: ['domain', 'selector'] },
    audit: async (_context, input) => `${input.domain} ${input.selector}`,
    handler: ({ rooms }, input) => rooms.domains.removeKey(input.domain, input.selector),
  }),
  defineOperation({
    name: 'domain.remove',
    summary: 'Remove a domain and throw away its keys. Its mail leaves unsigned from then on.',
    input: byDomain,
    output: z.void(),
    permission: 'domains:write',
    effects: 'destructive',
    http: { method: 'DELETE', path: '/v1/domains/{domain}', status: 204 },
    cli: { words: ['domain', 'remove'], args: ['domain'] },
    audit: async (_context, input) => input.domain,
    handler: ({ rooms }, input) => rooms.domains.remove(input.domain),
  }),
];
