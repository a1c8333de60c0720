import { types } from 'node:util';
import { Hopeless } from './hopeless.js';

type Method = (this: unknown, ...args: unknown[]) => unknown;

const INSTEAD = 'Watch a method that is over when the work is, or say by a condition of your own when that is.';

/** What is known of the calls of a method. */
interface Calls {
  made: number;
  running: number;
  /** What was given that has no end to be seen. */
  endless?: string;
}

/**
 * Watches a method of an object, and gives the condition that it has been called and that every call of it is over: when it returned a
 * plain value, when its promise is settled, and when the async generator that it gave or promised has been read to its end, has failed
 * or was left. A generator that nobody has begun to read has done nothing, and is not waited for. What the method does is not touched.
 * For `settled`:
 *
 *     const settled = endOf(app.get(TutorService), 'answer'); // before the request is sent
 *
 * The condition throws for good where the method gave or promised what goes on behind its back: an Observable, a stream or another async
 * iterable, a sync generator, or a thenable other than a plain promise, which would be executed once more by being waited for. Work that a
 * method starts and neither returns nor awaits is not seen, nor what is inside of a value.
 */
export function endOf<T extends object>(target: T, method: keyof T & string): () => void {
  const original = target[method] as Method;
  const calls: Calls = { made: 0, running: 0 };
  const watched = function (this: unknown, ...args: unknown[]): unknown {
    calls.made += 1;
    const result = original.apply(this, args);
    follow(calls, result);
    return result;
  };
  Object.defineProperty(target, method, { configurable: true, writable: true, value: watched });
  return () => {
    if (calls.endless !== undefined) throw new Hopeless(`${method}() gave ${calls.endless}: when that is over cannot be seen. ${INSTEAD}`);
    if (calls.made === 0) throw new Error(`${method}() was never called`);
    if (calls.running > 0) throw new Error(`${method}() is still running`);
  };
}

function follow(calls: Calls, result: unknown): void {
  if (isPlainPromise(result)) followPromise(calls, result);
  else if (isAsyncGenerator(result)) followGenerator(calls, result);
  else calls.endless ??= nameEndless(result);
}

function followPromise(calls: Calls, promise: Promise<unknown>): void {
  const end = begin(calls);
  const fulfilled = (value: unknown): void => {
    follow(calls, value);
    end();
  };
  void promise.then(fulfilled, end);
}

/** It is running from when it is first read: one that is left before that never began. */
function followGenerator(calls: Calls, generator: AsyncGenerator): void {
  let end: (() => void) | undefined;
  for (const pull of ['next', 'return', 'throw'] as const) {
    const original = generator[pull].bind(generator) as (value: unknown) => Promise<IteratorResult<unknown>>;
    generator[pull] = async (value?: unknown) => {
      if (pull === 'next') end ??= begin(calls);
      try {
        const result = await original(value);
        if (result.done === true) end?.();
        return result;
      } catch (error) {
        end?.();
        throw error;
      }
    };
  }
}

/** One more is running, until the answer is called, once or more. */
function begin(calls: Calls): () => void {
  let isOver = false;
  calls.running += 1;
  return () => {
    if (!isOver) calls.running -= 1;
    isOver = true;
  };
}

/** What goes on after it was given, by its name; `undefined` for a value that is what it is. */
function nameEndless(value: unknown): string | undefined {
  if (!isObject(value)) return undefined;
  if (has(value, 'then')) return `${nameOf(value)}, a thenable of its own kind`;
  if (has(value, Symbol.asyncIterator)) return `${nameOf(value)}, an async iterable`;
  if (has(value, 'subscribe')) return `${nameOf(value)}, an Observable`;
  return types.isGeneratorObject(value) ? 'a generator' : undefined;
}

function isObject(value: unknown): value is object {
  return (typeof value === 'object' && value !== null) || typeof value === 'function';
}

function has(value: object, method: PropertyKey): boolean {
  return typeof Reflect.get(value, method) === 'function';
}

function nameOf({ constructor }: object): string {
  return typeof constructor === 'function' && constructor.name !== '' ? `an instance of ${constructor.name}` : 'an object';
}

/** One whose `then` is that of all promises, of whichever realm: another may start work, or read an answer away. */
function isPlainPromise(value: unknown): value is Promise<unknown> {
  if (!types.isPromise(value)) return false;
  let owner: object | null = value;
  while (owner && !Object.hasOwn(owner, 'then')) owner = prototypeOf(owner);
  const above = owner && prototypeOf(owner);
  return above !== null && prototypeOf(above) === null;
}

function prototypeOf(value: object): object | null {
  return Object.getPrototypeOf(value) as object | null;
}

function isAsyncGenerator(value: unknown): value is AsyncGenerator {
  return types.isGeneratorObject(value) && Object.prototype.toString.call(value) === '[object AsyncGenerator]';
}
