import type { Answer, Fetch, FetchInit } from '../../src/client/index.js';

/** A request as it left a client. */
export interface Sent {
  readonly url: string;
  readonly init: FetchInit;
}

/** The platform's `fetch`, and a record of what it was asked. */
export class WireLog {
  readonly sent: Sent[] = [];
  readonly fetch: Fetch = (url, init) => {
    this.sent.push({ url, init });
    return fetch(url, init);
  };

  /** The cancels of one task, in order. */
  cancelsOf(id: string): Sent[] {
    return this.sent.filter(({ url }) => url.endsWith(`/api/tasks/${id}/cancel`));
  }

  get cancels(): Sent[] {
    return this.sent.filter(({ url }) => url.endsWith('/cancel'));
  }

  /** Requests to paths that end so. */
  to(path: string): Sent[] {
    return this.sent.filter(({ url }) => url.endsWith(path));
  }
}

/** As React Native has it: the answer comes as a whole, and there is no body to read from. */
export const withoutBody: Fetch = async (url, init) => {
  const response = await fetch(url, init);
  const text = await response.text();
  const { ok, status, headers } = response;
  const answer: Answer = { ok, status, headers, text: () => Promise.resolve(text) };
  return answer;
};
