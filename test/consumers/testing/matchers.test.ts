import { eventually, Gate } from '@hangup/testing';
import '@hangup/testing/jest';
import { expect, it } from '@jest/globals';

it('knows a signal that nobody listens to', async () => {
  const { signal } = new AbortController();
  expect(signal).toHaveNoAbortListeners();
  signal.addEventListener('abort', () => undefined);
  expect(signal).not.toHaveNoAbortListeners();
  // @ts-expect-error There is no such matcher.
  expect(() => expect(signal).toHaveNoListeners()).toThrow(TypeError);
});

it('orders work by gates', async () => {
  const gate = new Gate();
  const passed = gate.wait();
  await gate.reached;
  gate.open();
  await passed;
  expect(await eventually(() => 'there')).toBe('there');
});
