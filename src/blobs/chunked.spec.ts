import { describe, expect, it } from '@jest/globals';
import { CancelledError } from '../abort/index.js';
import { Gate } from '../testing/index.js';
import { chunked } from './chunked.js';

const never = (): AbortSignal => new AbortController().signal;

/** Pieces of these sizes, each byte the number of its piece. Notes how many it was asked for. */
class Source {
  asked = 0;
  left = false;

  constructor(private readonly sizes: readonly number[]) {}

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
    try {
      for (const [index, size] of this.sizes.entries()) {
        this.asked += 1;
        yield await Promise.resolve(new Uint8Array(size).fill(index));
      }
    } finally {
      this.left = true;
    }
  }
}

async function sizesOf(pieces: AsyncIterable<Uint8Array>): Promise<number[]> {
  const sizes: number[] = [];
  for await (const { length } of pieces) sizes.push(length);
  return sizes;
}

describe('bytes in pieces of one size', () => {
  it.each([
    { of: [], become: [] },
    { of: [0, 0], become: [] },
    { of: [3], become: [3] },
    { of: [4], become: [4] },
    { of: [3, 3, 3], become: [4, 4, 1] },
    { of: [11], become: [4, 4, 3] },
    { of: [1, 1, 1, 1, 1], become: [4, 1] },
  ])('$of become $become', async ({ of, become }) => {
    expect(await sizesOf(chunked(new Source(of), 4, never()))).toEqual(become);
  });

  it('keep their order', async () => {
    const pieces: Uint8Array[] = [];
    for await (const piece of chunked(new Source([3, 3, 3]), 4, never())) pieces.push(piece);
    expect([...Buffer.concat(pieces)]).toEqual([0, 0, 0, 1, 1, 1, 2, 2, 2]);
  });

  it('are asked for only once the piece before has been taken', async () => {
    const source = new Source([4, 4, 4]);
    const pieces = chunked(source, 4, never());
    await pieces.next();
    expect(source.asked).toBe(1);
    await pieces.next();
    expect(source.asked).toBe(2);
    await pieces.return(undefined);
    expect(source.left).toBe(true);
  });

  it('end with the reason of an abort while the source is silent, and leave no listener', async () => {
    const silence = new Gate();
    async function* silent(): AsyncGenerator<Uint8Array> {
      await silence.wait();
      yield new Uint8Array(1);
    }
    const abort = new AbortController();
    const next = chunked(silent(), 4, abort.signal).next();
    await silence.reached;
    const reason = new CancelledError();
    abort.abort(reason);
    await expect(next).rejects.toBe(reason);
    silence.open();
  });
});
