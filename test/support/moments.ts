import { jest } from '@jest/globals';
import type { AbortContext } from '../../src/abort/index.js';
import { eventually, Gate } from '../../src/testing/index.js';

/** Work held at a boundary, and what it can see of its signal from there. */
export interface HeldBoundary {
  readonly gate: Gate;
  /** Resolves once the ambient signal of the held work has aborted. */
  told(): Promise<void>;
}

/** Lets a real method do its work, and then holds its caller at a gate: the boundary behind it. */
export function holdAfter<T extends object>(context: AbortContext, target: T, method: keyof T & string): HeldBoundary {
  const gate = new Gate();
  let signal: AbortSignal | undefined;
  const original = (target[method] as (...args: unknown[]) => Promise<unknown>).bind(target);
  const spy = jest.spyOn(target as Record<string, (...args: unknown[]) => Promise<unknown>>, method);
  spy.mockImplementation(async (...args) => {
    const result = await original(...args);
    signal = context.signal;
    await gate.wait();
    return result;
  });
  const told = async (): Promise<void> => {
    await eventually(() => signal?.aborted === true, { message: 'the abort reaching the held work' });
  };
  return { gate, told };
}
