import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import type { Api, FromChild } from './serve.js';

/** Longer than any single call here takes on a slow machine: what hangs ends the run instead of hanging it. */
const CALL_TIMEOUT_MS = 120_000;
const LEAVE_TIMEOUT_MS = 10_000;

export interface ChildOptions {
  readonly args?: readonly string[];
  /** Flags of Node for this process alone. */
  readonly flags?: readonly string[];
}

interface Waiting {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: Error) => void;
  readonly timer: NodeJS.Timeout;
}

/**
 * A process of its own that answers calls over IPC, so that what is measured shares its thread with nothing else. The module that it
 * runs calls `serve(api)`; `A` is the type of that api.
 */
export class Child<A extends Api> implements AsyncDisposable {
  readonly #process: ChildProcess;
  readonly #waiting = new Map<number, Waiting>();
  readonly #listeners = new Map<string, (payload: unknown) => void>();
  #calls = 0;

  /** `module` is the URL of the compiled module. The process inherits the flags of this one. */
  constructor(module: URL, { args = [], flags = [] }: ChildOptions = {}) {
    this.#process = fork(module, args, { serialization: 'advanced', execArgv: [...process.execArgv, ...flags] });
    this.#process.on('message', (message) => this.#onMessage(message as FromChild));
    this.#process.once('exit', (code) => this.#fail(new Error(`${module.pathname} ended with ${code ?? 'a signal'} while it was needed.`)));
  }

  call<K extends keyof A & string>(method: K, ...args: Parameters<A[K]>): Promise<Awaited<ReturnType<A[K]>>> {
    const id = ++this.#calls;
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    const timer = setTimeout(() => this.#fail(new Error(`${method} took longer than ${CALL_TIMEOUT_MS} ms.`)), CALL_TIMEOUT_MS);
    this.#waiting.set(id, { resolve, reject, timer });
    this.#process.send({ id, method, args });
    return promise as Promise<Awaited<ReturnType<A[K]>>>;
  }

  /** Hears what the child tells unasked. One listener for each event. */
  on(event: string, listener: (payload: unknown) => void): void {
    this.#listeners.set(event, listener);
  }

  /** Lets the child end by itself, which it does when its parent has gone. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return;
    const exited = once(this.#process, 'exit');
    const timer = setTimeout(() => this.#process.kill('SIGKILL'), LEAVE_TIMEOUT_MS);
    this.#process.disconnect();
    await exited;
    clearTimeout(timer);
  }

  #onMessage(message: FromChild): void {
    if ('event' in message) {
      this.#listeners.get(message.event)?.(message.payload);
      return;
    }
    const waiting = this.#waiting.get(message.id);
    this.#waiting.delete(message.id);
    clearTimeout(waiting?.timer);
    if (message.error === undefined) waiting?.resolve(message.value);
    else waiting?.reject(new Error(message.error));
  }

  #fail(error: Error): void {
    for (const { reject, timer } of this.#waiting.values()) {
      clearTimeout(timer);
      reject(error);
    }
    this.#waiting.clear();
  }
}
