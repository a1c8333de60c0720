/** A door that work waits at until a test opens it. Once open it stays open. */
export class Gate {
  readonly #opening = Promise.withResolvers<undefined>();
  readonly #arrival = Promise.withResolvers<undefined>();
  #opened = false;

  get opened(): boolean {
    return this.#opened;
  }

  /** Resolves once somebody waits at the gate, or has come through it. */
  get reached(): Promise<void> {
    return this.#arrival.promise;
  }

  open(): void {
    this.#opened = true;
    this.#opening.resolve(undefined);
  }

  /** Resolves when the gate opens, at once if it is open. */
  async wait(): Promise<void> {
    this.#arrival.resolve(undefined);
    await this.#opening.promise;
  }
}
