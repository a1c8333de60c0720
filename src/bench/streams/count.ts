/** Counts, and lets others wait for the count. One at a time. */
export class Count {
  #count = 0;
  #onAdd: () => void = () => undefined;

  add(): void {
    this.#count += 1;
    this.#onAdd();
  }

  reset(): void {
    this.#count = 0;
  }

  reached(count: number): Promise<void> {
    return new Promise((resolve) => {
      this.#onAdd = () => {
        if (this.#count >= count) resolve();
      };
      this.#onAdd();
    });
  }
}
