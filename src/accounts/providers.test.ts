// The presets are what they promise to be.
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { providerId, providerView } from '../contracts/provider.ts';
import { oauthEndpoints } from './oauth-providers.ts';
import { presetByDomain, presetByImapHost, presetByMx, presetFor, providerPresets } from './providers.ts';

it('there is a whole preset for every provider that accounts may name', () => {
  assert.deepEqual(
    providerPresets().map((preset) => providerView.parse(preset).id),
    providerId.options,
  );
});

it('no domain, mail exchanger or IMAP host leads to two providers', () => {
  for (const preset of providerPresets()) {
    for (const { domains, mx, imap } of preset.hosts) {
      for (const domain of domains) {
        const name = domain.startsWith('.') ? `company${domain}` : domain;
        assert.equal(presetByDomain(name)?.provider.id, preset.id, domain);
      }
      for (const end of mx) assert.equal(presetByMx(`mx1.${end}`)?.provider.id, preset.id, end);
      const owner = presetByImapHost(imap.toUpperCase())?.provider.id;
      // Microsoft's two services share an IMAP server.
      assert.ok(owner === preset.id || preset.id === 'outlook', imap);
    }
  }
});

it('a name that only ends alike is not the provider', () => {
  assert.equal(presetByDomain('notgmail.com'), null);
  assert.equal(presetByDomain('mail.gmail.com'), null);
  assert.equal(presetByMx('evilgoogle.com'), null);
  assert.equal(presetByImapHost('imap.gmail.com.attacker.example'), null);
});

it('OAuth2 of a preset is what the sign-in will use, or it says that the URLs must be named', () => {
  for (const { id, oauth2 } of providerPresets()) {
    if (!oauth2) continue;
    const auth = { provider: oauth2.provider, flow: 'authorization_code' as const };
    if (oauth2.by_urls) {
      assert.throws(() => oauthEndpoints(auth), { code: 'invalid_input' }, id);
      continue;
    }
    const used = oauthEndpoints(auth);
    assert.equal(used.authorizeUrl, oauth2.authorize_url, id);
    assert.equal(used.tokenUrl, oauth2.token_url, id);
    assert.deepEqual(used.scopes, oauth2.scopes, id);
  }
});

it('where no passwords are taken, OAuth2 is the way', () => {
  for (const { id, password, oauth2 } of providerPresets())
    if (password.kind === 'none') assert.equal(oauth2?.preferred, true, id);
});

it('every region of a provider has servers of its own', () => {
  assert.equal(presetByMx('mx.zoho.in')?.hosts?.imap, 'imappro.zoho.in');
  assert.equal(presetFor('zoho', 'zohomail.eu').hosts?.imap, 'imap.zoho.eu');
  assert.equal(presetFor('exchange', 'example.org').hosts, null);
});
