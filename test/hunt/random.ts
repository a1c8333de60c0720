/** Numbers that look random and are the same for the same seed, on every machine. */
export class Random {
  #state: number;

  /** Seeds are told apart by all of their parts. */
  constructor(...parts: readonly (number | string)[]) {
    this.#state = hash(parts.join('/'));
  }

  /** At least 0 and below 1 (mulberry32). */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let bits = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    bits = (bits + Math.imul(bits ^ (bits >>> 7), 61 | bits)) ^ bits;
    return ((bits ^ (bits >>> 14)) >>> 0) / 2 ** 32;
  }

  /** A whole number, at least 0 and below `end`. */
  below(end: number): number {
    return Math.floor(this.next() * end);
  }

  chance(probability: number): boolean {
    return this.next() < probability;
  }

  pick<T>(choices: readonly T[]): T {
    return choices[this.below(choices.length)] as T;
  }

  /** Each of them with one chance in two. */
  some<T>(choices: readonly T[]): T[] {
    return choices.filter(() => this.chance(0.5));
  }

  shuffled<T>(all: readonly T[]): T[] {
    return all
      .map((each) => ({ each, order: this.next() }))
      .sort((a, b) => a.order - b.order)
      .map(({ each }) => each);
  }

  uuid(): string {
    const digits = Array.from({ length: 32 }, () => this.below(16).toString(16)).join('');
    return digits.replace(/^(.{8})(.{4}).(.{3}).(.{3})(.{12})$/, '$1-$2-4$3-8$4-$5');
  }
}

/** FNV-1a. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (const unit of Buffer.from(text)) value = Math.imul(value ^ unit, 0x01000193);
  return value;
}
