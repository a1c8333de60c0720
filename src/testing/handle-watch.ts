import { createHook, type AsyncHook } from 'node:async_hooks';
import { fileURLToPath } from 'node:url';
import { describeList } from './describe-list.js';
import { eventually } from './eventually.js';

/**
 * What holds a process open or costs one dear, by Node's names. TLS is left out: it ends with the socket that it is on, and Node says so
 * only when the garbage is collected.
 */
const NAMES: ReadonlyMap<string, string> = new Map([
  ['Timeout', 'a timer'],
  ['TCPWRAP', 'a socket'],
  ['TCPSERVERWRAP', 'a server'],
  ['PIPEWRAP', 'a pipe'],
  ['UDPWRAP', 'a UDP socket'],
  ['PROCESSWRAP', 'a process'],
  ['WORKER', 'a worker'],
  ['FSEVENTWRAP', 'a watched file'],
]);
/** Jest as it is installed: it has timers in this process, for its reports and for each test. */
const OF_JEST = /[\\/]node_modules[\\/](?:@jest[\\/]|jest-)/;
/** The wait below has timers too. A frame names the file by its path or its URL, and in the built package it ends otherwise. */
const WAIT = new URL('./eventually.', import.meta.url);
const OWN_WAIT = [WAIT.href, fileURLToPath(WAIT)];

/** Knows each timer, socket, server and the like that was made since it began and is still there, by the place in the code that made it. */
export class HandleWatch {
  readonly #made = new Map<number, string>();
  readonly #hook: AsyncHook;

  constructor() {
    this.#hook = createHook({
      init: (id, type) => {
        const name = NAMES.get(type);
        const place = name === undefined ? '' : placeOf(new Error());
        if (place && !isOurs(place)) this.#made.set(id, `${name} made ${place}`);
      },
      destroy: (id) => void this.#made.delete(id),
    }).enable();
  }

  /** What is there now, each with its place. Node says of what is closed that it is gone some turns later. */
  get left(): string[] {
    return [...this.#made.values()];
  }

  /** Resolves when nothing is left, and ends the watch. Rejects after `timeoutMs` (default 100) with what is left. */
  async nothingIsLeft({ timeoutMs = 100 }: { readonly timeoutMs?: number } = {}): Promise<void> {
    try {
      await eventually(() => this.#made.size === 0, { timeoutMs });
    } catch (error) {
      throw new Error(`Left behind: ${describeList(this.left)}`, { cause: error });
    } finally {
      this.stop();
    }
  }

  stop(): void {
    this.#hook.disable();
  }
}

/** The first frame that is neither Node's nor this file's. */
function placeOf({ stack = '' }: Error): string {
  const frames = stack.split('\n').slice(2);
  return frames.find((frame) => !frame.includes('node:') && !frame.includes('<anonymous>'))?.trim() ?? 'by Node itself';
}

function isOurs(place: string): boolean {
  return OF_JEST.test(place) || OWN_WAIT.some((own) => place.includes(own));
}
