import { describe, expect, it } from '@jest/globals';
import { JournalWatch } from './journal-watch.js';

describe('JournalWatch', () => {
  it('looks at once, and again after every change', async () => {
    const watch = new JournalWatch(() => 'empty');
    let count = 1;
    await expect(watch.until('one', () => (count === 1 ? 'one' : undefined))).resolves.toBe('one');
    const two = watch.until('two', () => (count === 2 ? 'two' : undefined));
    count = 2;
    watch.changed();
    await expect(two).resolves.toBe('two');
  });

  it('rejects with what the probe throws', async () => {
    const watch = new JournalWatch(() => 'empty');
    const looking = watch.until('never', () => {
      throw new Error('it ended');
    });
    await expect(looking).rejects.toThrow('it ended');
  });

  it('rejects at its deadline with what the journal holds', async () => {
    const watch = new JournalWatch(() => 'The journal: no call at all.', 20);
    await expect(watch.until('call 1 of chat', () => undefined)).rejects.toThrow(
      'Waited 20 ms for call 1 of chat. The journal: no call at all.',
    );
  });
});
