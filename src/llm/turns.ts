import { setImmediate } from 'node:timers/promises';

/**
 * Turns of the event loop for work of some milliseconds, in which nothing else runs. Each goes to one caller alone, however many ask at
 * once: in between, sockets are heard and closed, and others get their answers.
 */
export class Turns {
  #last: Promise<unknown> = Promise.resolve();

  /** Resolves in a turn of one's own, after those who have asked before. Sockets that were told to close before have closed by then. */
  async next(): Promise<void> {
    await (this.#last = this.#last.then(socketsClosed));
  }
}

/** They close at the end of the next turn. */
async function socketsClosed(): Promise<void> {
  await setImmediate();
  await setImmediate();
}
