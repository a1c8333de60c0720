import { afterEach, describe, expect, it, jest } from '@jest/globals';
import o200kBase from 'js-tiktoken/ranks/o200k_base';
import { countWordTokens, unpackRanks } from './byte-pairs.js';
import { MinHeap } from './min-heap.js';

/** Ranks that count how often they are looked at. */
class CountedRanks extends Map<string, number> {
  looks = 0;

  override get(bytes: string): number | undefined {
    this.looks += 1;
    return super.get(bytes);
  }
}

const bytesOf = (text: string): string => Buffer.from(text).toString('latin1');

describe('what is packed', () => {
  it('is read with consecutive ranks in each line', () => {
    const packed = `! 7 ${btoa('a')} ${btoa('\n')}\n! 20 ${btoa(bytesOf('好'))}\n`;
    expect([...unpackRanks(packed)]).toEqual([
      ['a', 7],
      ['\n', 8],
      [bytesOf('好'), 20],
    ]);
  });
});

describe('the bytes of a word', () => {
  const ranks = new Map(['a', 'b', 'c'].map((letter, rank) => [letter, rank]));

  it.each([
    ['no two of them are a token', [], 'abc', 3],
    ['they are a token', ['abc'], 'abc', 1],
    ['only some of them are', ['ab'], 'abcab', 3],
    ['a token is made of tokens', ['ab', 'abc'], 'abcabc', 2],
    ['a token cannot be made of tokens', ['abc'], 'abcb', 4],
    ['the pair of the lower rank leaves the other without a neighbour', ['bc', 'ab'], 'abc', 2],
    ['pairs overlap, the leftmost first', ['aa'], 'aaa', 2],
    ['equal pairs overlap, and what comes of them is a token again', ['aa', 'aaa'], 'aaaaa', 2],
    ['there are none', [], '', 0],
  ])('are joined as far as the ranks say: %s', (_, tokens, word, count) => {
    expect(countWordTokens(word, new Map([...ranks, ...tokens.map((token, index) => [token, 3 + index] as const)]))).toBe(count);
  });
});

describe('a word without an end', () => {
  afterEach(() => {
    jest.restoreAllMocks();
  });

  const ranks = new CountedRanks(unpackRanks(o200kBase.bpe_ranks));

  /** Looks at ranks, and pairs put on the heap; each of them is taken off again once. */
  function stepsOf(word: string): number {
    const push = jest.spyOn(MinHeap.prototype, 'push').mockClear();
    ranks.looks = 0;
    countWordTokens(bytesOf(word), ranks);
    return ranks.looks + push.mock.calls.length;
  }

  it.each(['我是学生他也是学生', 'QmFzZSBzaXh0eSBmb3Vy', 'a', '_', ' ', '👩‍👩‍👧', '\n/'])(
    'costs no more for each byte than a short one, however long it is: %j again and again',
    (text) => {
      const perByte = [100, 1_000, 3_000].map((length) => {
        const word = text.repeat(length / text.length);
        return stepsOf(word) / Buffer.byteLength(word);
      });
      expect(Math.max(...perByte)).toBeLessThan(6);
      expect(perByte[2]).toBeLessThan(perByte[0]! * 1.1);
    },
  );
});
