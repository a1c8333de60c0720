import { describe, expect, it } from '@jest/globals';
import { eventually, Gate } from '../../testing/index.js';
import { FewAtOnce, MOST_AT_ONCE } from './few-at-once.js';

describe('what is done for a few at once', () => {
  it('begins in the order in which it came, and again only once it is over', async () => {
    const [gate, begun] = [new Gate(), [] as string[]];
    const few = new FewAtOnce(async (id) => {
      begun.push(id);
      await gate.wait();
    });
    for (const id of ['a', 'b', 'c', 'a', 'c']) few.add(id);
    expect(begun).toEqual(['a', 'b'].slice(0, MOST_AT_ONCE));
    gate.open();
    await eventually(() => begun.length === 3);
    expect(begun).toEqual(['a', 'b', 'c']);
    few.add('a');
    expect(begun).toEqual(['a', 'b', 'c', 'a']);
  });

  it('does not begin any more where nobody wants it', async () => {
    const [gate, begun, over] = [new Gate(), [] as string[], [] as string[]];
    const few = new FewAtOnce(async (id) => {
      begun.push(id);
      await gate.wait();
      over.push(id);
    });
    for (const id of ['a', 'b', 'c']) few.add(id);
    few.clear();
    gate.open();
    await eventually(() => over.length === 2);
    few.add('d');
    await eventually(() => over.includes('d'));
    expect(begun).toEqual(['a', 'b', 'd']);
  });
});
