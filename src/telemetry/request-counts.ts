// How many HTTP requests were answered, by method, route and status: never by URL, which a stranger may make up.

const MAX_SERIES = 2_000; // some 90 routes with a handful of statuses each; a bound all the same

export interface RequestCount {
  method: string;
  route: string;
  status: string;
  count: number;
}

export class RequestCounts {
  readonly #counts = new Map<string, RequestCount>();

  /** @param route the pattern, such as `/v1/drafts/:id`; null for what is at no route */
  count(method: string, route: string | null, status: number): void {
    const labels = { method, route: route ?? 'none', status: String(status) };
    const key = `${labels.method} ${labels.route} ${labels.status}`;
    const known = this.#counts.get(key);
    if (known) known.count++;
    else if (this.#counts.size < MAX_SERIES) this.#counts.set(key, { ...labels, count: 1 });
  }

  all(): Iterable<RequestCount> {
    return this.#counts.values();
  }
}
