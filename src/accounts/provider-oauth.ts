// What a preset says of OAuth2, from the one place that knows the providers' endpoints.
import type { ProviderPreset } from '../contracts/provider.ts';
import { type OAuthProvider, oauthProviders } from './oauth-providers.ts';

/** @param preferred OAuth2 is the better way here, or the only one */
export function knownOAuth(
  provider: keyof typeof oauthProviders,
  preferred: boolean,
): NonNullable<ProviderPreset['oauth2']> {
  const known: OAuthProvider = oauthProviders[provider];
  const ofAnyTenant = (url: string): string => url.replace('{tenant}', 'common');
  return {
    provider,
    preferred,
    authorize_url: ofAnyTenant(known.authorizeUrl),
    token_url: ofAnyTenant(known.tokenUrl),
    device_url: known.deviceUrl === null ? null : ofAnyTenant(known.deviceUrl),
    scopes: [...known.scopes],
    by_urls: false,
  };
}
