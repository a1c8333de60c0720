import { createHook, type AsyncHook } from 'node:async_hooks';
import { eventually } from '../../src/testing/index.js';

/** TLS is left out: it ends with the socket that it is on, and Node says so only when the garbage is collected. */
const WATCHED = new Set(['Timeout', 'TCPWRAP']);
/** Jest has timers in this process, for its reports and for each test, and the wait below has one too. */
const NOT_OURS = /@jest\/|\/jest-|\/eventually\./;

/** Knows each timer and socket that was made since it began and is still there, by the place in the code that made it. */
export class HandleWatch {
  readonly #made = new Map<number, string>();
  readonly #hook: AsyncHook;

  constructor() {
    this.#hook = createHook({
      init: (id, type) => {
        const place = WATCHED.has(type) ? placeOf(new Error()) : '';
        if (place && !NOT_OURS.test(place)) this.#made.set(id, `${type} ${place}`);
      },
      destroy: (id) => void this.#made.delete(id),
    }).enable();
  }

  /** Rejects with what is left. What is closed is gone some turns later, and no later than that. */
  async nothingIsLeft(): Promise<void> {
    try {
      await eventually(() => this.#made.size === 0, { timeoutMs: 100 });
    } catch (error) {
      throw new Error(`Left behind: ${[...this.#made.values()].join(', ')}`, { cause: error });
    } finally {
      this.#hook.disable();
    }
  }
}

/** The first frame that is neither Node's nor this file's. */
function placeOf({ stack = '' }: Error): string {
  const frames = stack.split('\n').slice(2);
  return frames.find((frame) => !frame.includes('node:') && !frame.includes('<anonymous>'))?.trim() ?? 'of Node itself';
}
