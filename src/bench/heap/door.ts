import { Injectable } from '@nestjs/common';

/** Where requests wait until they are let through or their signal aborts. Counts both, and lets others wait for the counts. */
@Injectable()
export class Door {
  readonly #waiting = new Set<() => void>();
  readonly #watchers = new Set<() => void>();
  #arrived = 0;
  #aborted = 0;

  /** Resolves when the door opens, or rejects with the reason of the signal. Leaves no listener. */
  pass(signal: AbortSignal): Promise<void> {
    this.#arrived += 1;
    this.#changed();
    return new Promise((resolve, reject) => {
      const leave = (): void => {
        this.#waiting.delete(leave);
        signal.removeEventListener('abort', onAbort);
        resolve();
      };
      const onAbort = (): void => {
        this.#waiting.delete(leave);
        this.#aborted += 1;
        this.#changed();
        reject(signal.reason);
      };
      this.#waiting.add(leave);
      signal.addEventListener('abort', onAbort, { once: true });
    });
  }

  /** Lets through all who wait. */
  open(): void {
    for (const leave of this.#waiting) leave();
  }

  arrived(count: number): Promise<void> {
    return this.#until(() => this.#arrived >= count);
  }

  aborted(count: number): Promise<void> {
    return this.#until(() => this.#aborted >= count);
  }

  #until(isReached: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      const look = (): void => {
        if (!isReached()) return;
        this.#watchers.delete(look);
        resolve();
      };
      this.#watchers.add(look);
      look();
    });
  }

  #changed(): void {
    for (const look of this.#watchers) look();
  }
}
