type Method = (this: unknown, ...args: unknown[]) => unknown;

/**
 * Watches a method of an object, and gives the condition that it has been called and that every call of it is over, as it promised or as
 * it failed; an async generator, once it has been read to its end or left. What the method does is not touched. For `settled`:
 *
 *     const settled = endOf(app.get(TutorService), 'answer'); // before the request is sent
 */
export function endOf<T extends object>(target: T, method: keyof T & string): () => void {
  const original = target[method] as Method;
  let calls = 0;
  let running = 0;
  const end = (): void => void (running -= 1);
  const watched = function (this: unknown, ...args: unknown[]): unknown {
    calls += 1;
    running += 1;
    return follow(() => original.apply(this, args), end);
  };
  Object.defineProperty(target, method, { configurable: true, writable: true, value: watched });
  return () => {
    if (calls === 0) throw new Error(`${method}() was never called`);
    if (running > 0) throw new Error(`${method}() is still running`);
  };
}

/** What `call` gives, and a call of `end` when that is over. */
function follow(call: () => unknown, end: () => void): unknown {
  let result: unknown;
  try {
    result = call();
  } catch (error) {
    end();
    throw error;
  }
  if (isAsyncGenerator(result)) followGenerator(result, end);
  else void Promise.resolve(result).then(end, end);
  return result;
}

function followGenerator(generator: AsyncGenerator, end: () => void): void {
  let isOver = false;
  const over = (): void => {
    if (!isOver) end();
    isOver = true;
  };
  for (const pull of ['next', 'return', 'throw'] as const) {
    const original = generator[pull].bind(generator) as (value: unknown) => Promise<IteratorResult<unknown>>;
    generator[pull] = async (value?: unknown) => {
      try {
        const result = await original(value);
        if (result.done === true) over();
        return result;
      } catch (error) {
        over();
        throw error;
      }
    };
  }
}

function isAsyncGenerator(value: unknown): value is AsyncGenerator {
  return Object.prototype.toString.call(value) === '[object AsyncGenerator]';
}
