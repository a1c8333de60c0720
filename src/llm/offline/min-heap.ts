/** Numbers, of which the smallest is at hand: `push` and `pop` take log n steps. */
export class MinHeap {
  readonly #values: number[] = [];

  get size(): number {
    return this.#values.length;
  }

  push(value: number): void {
    this.#values.push(value);
    this.#rise(this.#values.length - 1, value);
  }

  /** Takes out the smallest; `undefined` when there is none. */
  pop(): number | undefined {
    const smallest = this.#values[0];
    const last = this.#values.pop();
    if (last !== undefined && this.#values.length > 0) this.#sink(last);
    return smallest;
  }

  #rise(from: number, value: number): void {
    let place = from;
    while (place > 0) {
      const parent = (place - 1) >> 1;
      if (this.#at(parent) <= value) break;
      this.#values[place] = this.#at(parent);
      place = parent;
    }
    this.#values[place] = value;
  }

  /** From the top, whose value is gone. */
  #sink(value: number): void {
    let place = 0;
    for (let child = this.#smallerChild(place); this.#at(child) < value; child = this.#smallerChild(place)) {
      this.#values[place] = this.#at(child);
      place = child;
    }
    this.#values[place] = value;
  }

  #smallerChild(place: number): number {
    const left = 2 * place + 1;
    return this.#at(left + 1) < this.#at(left) ? left + 1 : left;
  }

  /** Beyond the last there is nothing smaller. */
  #at(place: number): number {
    return this.#values[place] ?? Infinity;
  }
}
