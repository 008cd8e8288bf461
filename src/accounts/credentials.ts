// What a connection signs in with.

export type Credentials = BasicCredentials | OAuthCredentials;

export interface BasicCredentials {
  type: 'basic';
  username: string;
  password: string;
}

export interface OAuthCredentials {
  type: 'oauth2';
  username: string;
  accessToken: string;
  /** The life of the token, epoch milliseconds. */
  issuedAt: number;
  expiresAt: number;
  /** The provider's mail servers end a connection when the token ends that it was opened with. */
  cutsAtExpiry: boolean;
}
