import { describe, expect, it } from '@jest/globals';
import { Gate } from './index.js';

describe('A gate', () => {
  it('holds everybody who waits until it opens', async () => {
    const gate = new Gate();
    const passed: string[] = [];
    const waits = ['a', 'b'].map((name) => gate.wait().then(() => passed.push(name)));
    await gate.reached;
    expect(passed).toEqual([]);
    gate.open();
    await Promise.all(waits);
    expect(passed).toEqual(['a', 'b']);
  });

  it('stays open, and may be opened twice', async () => {
    const gate = new Gate();
    expect(gate.opened).toBe(false);
    gate.open();
    gate.open();
    await gate.wait();
    expect(gate.opened).toBe(true);
  });
});
