import { describe, expect, it } from '@jest/globals';
import { MinHeap } from './min-heap.js';

function drain(heap: MinHeap): number[] {
  return Array.from({ length: heap.size }, () => heap.pop()!);
}

describe('MinHeap', () => {
  it.each([
    ['nothing', []],
    ['one', [1]],
    ['rising', [1, 2, 3, 4, 5, 6, 7, 8]],
    ['falling', [8, 7, 6, 5, 4, 3, 2, 1]],
    ['repeated', [3, 1, 3, 1, 2, 2]],
    ['mixed', Array.from({ length: 1000 }, (_, index) => (index * 7919) % 1009)],
  ])('gives back what was put in, in order: %s', (_, values) => {
    const heap = new MinHeap();
    for (const value of values) heap.push(value);
    expect(heap.size).toBe(values.length);
    expect(drain(heap)).toEqual(values.toSorted((a, b) => a - b));
  });

  it('takes more while it gives', () => {
    const heap = new MinHeap();
    for (const value of [5, 3, 9]) heap.push(value);
    expect(heap.pop()).toBe(3);
    heap.push(1);
    heap.push(7);
    expect(drain(heap)).toEqual([1, 5, 7, 9]);
  });

  it('gives nothing when it is empty', () => {
    expect(new MinHeap().pop()).toBeUndefined();
  });
});
