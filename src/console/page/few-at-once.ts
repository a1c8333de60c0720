/** More would take the connections from what people ask for. */
export const MOST_AT_ONCE = 2;

/** Does something for each id, a few at once and none of them twice at once. What waits has its turn in the order in which it came. */
export class FewAtOnce {
  readonly #waiting = new Set<string>();
  readonly #busy = new Set<string>();

  /** `work` must not reject. */
  constructor(private readonly work: (id: string) => Promise<void>) {}

  add(id: string): void {
    if (!this.#busy.has(id)) this.#waiting.add(id);
    this.#begin();
  }

  /** What has not begun does not begin. */
  clear(): void {
    this.#waiting.clear();
  }

  #begin(): void {
    for (const id of this.#waiting) {
      if (this.#busy.size >= MOST_AT_ONCE) return;
      this.#waiting.delete(id);
      void this.#do(id);
    }
  }

  async #do(id: string): Promise<void> {
    this.#busy.add(id);
    await this.work(id);
    this.#busy.delete(id);
    this.#begin();
  }
}
