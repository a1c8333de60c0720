/** A request whose answer is not out yet. */
export interface OpenRequest {
  /** Its response has closed, whole or not. */
  close(): void;
}

/** The requests that wait for their answer, probes aside: a server that leaves waits for them in turn. */
export class OpenRequests {
  readonly #open = new Set<OpenRequest>();
  #whenNone: (() => void)[] = [];

  open(): OpenRequest {
    const request: OpenRequest = { close: () => this.#close(request) };
    this.#open.add(request);
    return request;
  }

  get count(): number {
    return this.#open.size;
  }

  /** Resolves once there are none. */
  async ended(): Promise<void> {
    if (this.#open.size > 0) await new Promise<void>((resolve) => this.#whenNone.push(resolve));
  }

  #close(request: OpenRequest): void {
    this.#open.delete(request);
    if (this.#open.size > 0) return;
    const waiting = this.#whenNone;
    this.#whenNone = [];
    for (const resolve of waiting) resolve();
  }
}
