// Where the OAuth2 server of the tests keeps what it issued: two maps. Its own store forgets after a thousand entries.
import type { Adapter, AdapterPayload } from 'oidc-provider';

export class OAuthStore implements Adapter {
  readonly #kind: string;
  readonly #entries: Map<string, AdapterPayload>;

  constructor(kind: string, entries: Map<string, AdapterPayload>) {
    this.#kind = kind;
    this.#entries = entries;
  }

  #key(id: string): string {
    return `${this.#kind}:${id}`;
  }

  async upsert(id: string, payload: AdapterPayload): Promise<undefined> {
    this.#entries.set(this.#key(id), payload);
  }

  async find(id: string): Promise<AdapterPayload | undefined> {
    return this.#entries.get(this.#key(id));
  }

  async findByUid(uid: string): Promise<AdapterPayload | undefined> {
    return this.#first((payload) => payload.uid === uid);
  }

  async findByUserCode(userCode: string): Promise<AdapterPayload | undefined> {
    return this.#first((payload) => payload.userCode === userCode);
  }

  async destroy(id: string): Promise<undefined> {
    this.#entries.delete(this.#key(id));
  }

  async consume(id: string): Promise<undefined> {
    const payload = this.#entries.get(this.#key(id));
    if (payload) payload.consumed = Math.floor(Date.now() / 1000);
  }

  async revokeByGrantId(grantId: string): Promise<undefined> {
    for (const [key, payload] of this.#entries)
      if (payload.grantId === grantId && key.startsWith(`${this.#kind}:`)) this.#entries.delete(key);
  }

  #first(fits: (payload: AdapterPayload) => boolean): AdapterPayload | undefined {
    for (const [key, payload] of this.#entries)
      if (key.startsWith(`${this.#kind}:`) && fits(payload)) return payload;
    return undefined;
  }
}
