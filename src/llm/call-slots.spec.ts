import { describe, expect, it } from '@jest/globals';
import { abortListenersOf } from '../testing/index.js';
import { CallSlots, type Release } from './call-slots.js';

const listenersOn = (signal: AbortSignal): number => abortListenersOf(signal).length;

/** Whoever asks for a slot, in the order in which they got one. */
class Queue {
  readonly served: string[] = [];
  readonly releases = new Map<string, Release>();

  constructor(private readonly slots: CallSlots) {}

  async join(name: string, signal = new AbortController().signal): Promise<void> {
    this.releases.set(name, await this.slots.acquire(signal));
    this.served.push(name);
  }

  /** Hands the slot of one on, and lets those who were served go on. */
  async leave(name: string): Promise<void> {
    this.releases.get(name)?.();
    await Promise.resolve();
    await Promise.resolve();
  }
}

describe('the slots for calls', () => {
  it('go to so many at once, and to the others as they come free, first come, first served', async () => {
    const slots = new CallSlots(2);
    const queue = new Queue(slots);
    const all = ['a', 'b', 'c', 'd', 'e'].map((name) => queue.join(name));
    await Promise.all(all.slice(0, 2));
    expect(queue.served).toEqual(['a', 'b']);
    expect(slots.waiting).toBe(3);
    await queue.leave('b');
    expect(queue.served).toEqual(['a', 'b', 'c']);
    await queue.leave('a');
    await queue.leave('c');
    expect(queue.served).toEqual(['a', 'b', 'c', 'd', 'e']);
    expect(slots.waiting).toBe(0);
  });

  it('do not multiply when one is given back twice', async () => {
    const queue = new Queue(new CallSlots(1));
    const all = ['a', 'b', 'c'].map((name) => queue.join(name));
    await all[0];
    await queue.leave('a');
    await queue.leave('a');
    expect(queue.served).toEqual(['a', 'b']);
  });

  it('are not waited for any longer once the signal aborts: with its own reason, at once, and nobody waits behind the dead', async () => {
    const slots = new CallSlots(1);
    const queue = new Queue(slots);
    const controller = new AbortController();
    const reason = new Error('left');
    await queue.join('a');
    const dead = queue.join('dead', controller.signal);
    const next = queue.join('next');
    controller.abort(reason);
    await expect(dead).rejects.toBe(reason);
    expect(slots.waiting).toBe(1);
    await queue.leave('a');
    await next;
    expect(queue.served).toEqual(['a', 'next']);
  });

  it('are not asked for by what is aborted already', async () => {
    const slots = new CallSlots(1);
    const reason = new Error('gone');
    await expect(slots.acquire(AbortSignal.abort(reason))).rejects.toBe(reason);
    const release = await slots.acquire(new AbortController().signal);
    expect(slots.waiting).toBe(0);
    release();
  });

  it('stay with whoever holds one when its signal aborts, until it is given back', async () => {
    const slots = new CallSlots(1);
    const queue = new Queue(slots);
    const controller = new AbortController();
    await queue.join('holder', controller.signal);
    const next = queue.join('next');
    controller.abort(new Error('left'));
    await Promise.resolve();
    expect(queue.served).toEqual(['holder']);
    await queue.leave('holder');
    await next;
    expect(queue.served).toEqual(['holder', 'next']);
  });

  it('leave no listener behind, whether granted at once, after a wait, or not at all', async () => {
    const slots = new CallSlots(1);
    const [granted, waited, aborted] = [new AbortController(), new AbortController(), new AbortController()];
    const release = await slots.acquire(granted.signal);
    const waiting = slots.acquire(waited.signal);
    const lost = slots.acquire(aborted.signal);
    expect([granted, waited, aborted].map(({ signal }) => listenersOn(signal))).toEqual([0, 1, 1]);
    aborted.abort(new Error('left'));
    await expect(lost).rejects.toThrow('left');
    release();
    await waiting;
    expect([granted, waited, aborted].map(({ signal }) => listenersOn(signal))).toEqual([0, 0, 0]);
  });
});
