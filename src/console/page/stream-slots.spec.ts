import { describe, expect, it } from '@jest/globals';
import { MOST_STREAMS } from './stream-choice.js';
import { StreamSlots, type Release } from './stream-slots.js';

async function takeAll(slots: StreamSlots): Promise<Release[]> {
  const taken = await Promise.all(Array.from({ length: MOST_STREAMS }, () => slots.take()));
  return taken.filter((release) => release !== undefined);
}

describe('the slots for streams', () => {
  it('are shared by all tabs, through the locks of the browser', async () => {
    const [tab, other] = [new StreamSlots(navigator.locks), new StreamSlots(navigator.locks)];
    const [first, ...rest] = await takeAll(tab);
    expect(rest).toHaveLength(MOST_STREAMS - 1);
    expect(await other.take()).toBeUndefined();
    first?.();
    const again = await waitForSlot(other);
    expect(again).toBeDefined();
    for (const release of [...rest, again]) release();
  });

  it("are each tab's own where there are no locks", async () => {
    const [tab, other] = [new StreamSlots(null), new StreamSlots(null)];
    const [first] = await takeAll(tab);
    expect(await tab.take()).toBeUndefined();
    expect(await other.take()).toBeDefined();
    first?.();
    expect(await waitForSlot(tab)).toBeDefined();
  });
});

/** A lock is given back in a turn of its own. */
async function waitForSlot(slots: StreamSlots): Promise<Release> {
  for (;;) {
    const release = await slots.take();
    if (release) return release;
    await new Promise(setImmediate);
  }
}
