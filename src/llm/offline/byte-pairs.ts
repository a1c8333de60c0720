import { MinHeap } from './min-heap.js';

/** The tokens of an encoding with their ranks. A token is a text of its bytes, one character for each. */
export type Ranks = ReadonlyMap<string, number>;

/** Reads ranks as `js-tiktoken` packs them: in each line a mark, the rank of the first token, and tokens of consecutive ranks in base64. */
export function unpackRanks(packed: string): Ranks {
  const ranks = new Map<string, number>();
  for (const line of packed.split('\n').filter(Boolean)) {
    const [, first, ...tokens] = line.split(' ');
    tokens.forEach((token, index) => ranks.set(atob(token), Number(first) + index));
  }
  return ranks;
}

/** The number of tokens of a word, given as a text of its bytes. The work grows with n log n of its length, whatever stands in it. */
export function countWordTokens(bytes: string, ranks: Ranks): number {
  return ranks.has(bytes) ? 1 : new PairMerge(bytes, ranks).countParts();
}

const NO_PAIR = -1;
/** A pair is one number on the heap, so that pairs are in order of their ranks, and those of the same rank from left to right. */
const PLACES = 2 ** 32;

/**
 * Makes tokens of bytes as byte pair encoding says: as long as two neighbours are a token together, those with the lowest rank become
 * one, the leftmost of equals. The encoder of `js-tiktoken` looks at all pairs again after each merge, which takes n² looks: 7 s for
 * 3,000 Chinese characters in a row. Here a heap holds the pairs, and a merge looks at the two that it makes.
 */
class PairMerge {
  readonly #bytes: string;
  readonly #ranks: Ranks;
  readonly #pairs = new MinHeap();
  /** By the place where a part begins: where it ends, where the one before begins, and the rank of the pair it makes with the next. */
  readonly #ends: number[] = [];
  readonly #befores: number[] = [];
  readonly #pairRanks: number[] = [];

  constructor(bytes: string, ranks: Ranks) {
    this.#bytes = bytes;
    this.#ranks = ranks;
    for (let place = 0; place < bytes.length; place += 1) {
      this.#ends.push(place + 1);
      this.#befores.push(place - 1);
    }
    for (let place = 0; place < bytes.length; place += 1) this.#look(place);
  }

  countParts(): number {
    let parts = this.#bytes.length;
    for (let pair = this.#pairs.pop(); pair !== undefined; pair = this.#pairs.pop()) {
      const place = pair % PLACES;
      if (this.#pairRanks[place] !== (pair - place) / PLACES) continue;
      this.#merge(place);
      parts -= 1;
    }
    return parts;
  }

  #merge(place: number): void {
    const absorbed = this.#endOf(place);
    const end = this.#endOf(absorbed);
    this.#ends[place] = end;
    this.#befores[end] = place;
    this.#pairRanks[absorbed] = NO_PAIR;
    this.#look(place);
    if (place > 0) this.#look(this.#befores[place] ?? 0);
  }

  /** Notes the pair that begins here. One noted before it on the heap no longer fits its rank, and is passed over. */
  #look(place: number): void {
    const next = this.#endOf(place);
    const rank = next < this.#bytes.length ? this.#ranks.get(this.#bytes.slice(place, this.#endOf(next))) : undefined;
    this.#pairRanks[place] = rank ?? NO_PAIR;
    if (rank !== undefined) this.#pairs.push(rank * PLACES + place);
  }

  #endOf(place: number): number {
    return this.#ends[place] ?? this.#bytes.length;
  }
}
