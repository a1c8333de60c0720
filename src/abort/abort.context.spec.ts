import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Logger } from '@nestjs/common';
import {
  ABORT_CAUSES,
  AbortContext,
  AbortStats,
  CancelledError,
  ClientDisconnectedError,
  DeadlineExceededError,
  describeCause,
  DrainingError,
  OutsideAbortScopeError,
} from './index.js';
import { abortListenersOf, expectNoAbortListeners, Gate } from '../testing/index.js';
import { RecordingLogger } from '../../test/support/abort-log.js';

const reason = new ClientDisconnectedError();
let log: RecordingLogger;
let stats: AbortStats;
let context: AbortContext;

beforeEach(() => {
  log = RecordingLogger.install();
  stats = new AbortStats();
  context = new AbortContext({ zombieAfterMs: 5000, shieldTimeoutMs: 3000 }, stats);
});

afterEach(() => {
  jest.useRealTimers();
  Logger.overrideLogger(false);
});

/** Lets no timer run until a moment has passed. */
function block(moment: number): void {
  while (performance.now() <= moment);
}

describe('Outside any scope', () => {
  it.each<[string, () => unknown]>([
    ['scope', () => context.scope],
    ['signal', () => context.signal],
    ['remainingMs', () => context.remainingMs],
    ['checkpoint', () => context.checkpoint()],
    ['track', () => context.track('llm', 'chat', Promise.resolve())],
    ['stage', () => context.stage('generate_quiz', () => undefined)],
    ['announce', () => context.announce('stopping')],
    ['unwinding', () => context.unwinding()],
    ['unwind', () => context.unwind(() => undefined)],
    ['require', () => context.require('The database')],
  ])('%s throws and says how to mend it', (_, use) => {
    expect(use).toThrow(OutsideAbortScopeError);
    expect(use).toThrow(/outside any abort scope.*AbortContext\.run.*AbortContext\.detached/s);
  });

  it('require names who asked', () => {
    expect(() => context.require('The database')).toThrow(/^The database was used outside/);
  });

  it('a shield has nothing to shield', async () => {
    await expect(context.shield(() => 'books')).rejects.toBeInstanceOf(OutsideAbortScopeError);
  });

  it('there is no frame and no stage, and asking for them is allowed', () => {
    expect([context.frame, context.currentStage]).toEqual([undefined, undefined]);
  });
});

describe('run', () => {
  it('carries its scope through awaits, timers and nested calls, and leaves it outside', async () => {
    const { signal } = new AbortController();
    await context.run(
      signal,
      async (scope) => {
        await new Promise((resolve) => setImmediate(resolve));
        expect(context.scope).toBe(scope);
        expect(context.frame).toMatchObject({ kind: 'live', scope });
        expect([scope.id, scope.labels]).toEqual(['task-1', { owner: 'lena' }]);
      },
      { id: 'task-1', labels: { owner: 'lena' } },
    );
    expect(context.frame).toBeUndefined();
  });

  it('aborts its work with the very reason of the signal that it was given', async () => {
    const controller = new AbortController();
    const run = context.run(controller.signal, async () => {
      const stopped = aborted(context.signal);
      controller.abort(reason);
      expect(await stopped).toBe(reason);
      context.checkpoint();
    });
    await expect(run).rejects.toBe(reason);
  });

  it('starts aborted under a signal that was, so that the first checkpoint throws', async () => {
    const run = context.run(AbortSignal.abort(reason), () => context.checkpoint());
    await expect(run).rejects.toBe(reason);
  });

  it('stops its work at its own deadline', async () => {
    jest.useFakeTimers();
    const run = context.run(new AbortController().signal, () => aborted(context.signal), { timeoutMs: 250 });
    jest.advanceTimersByTime(250);
    await expect(run).resolves.toEqual(new DeadlineExceededError(250));
    expect(jest.getTimerCount()).toBe(0);
  });

  it('hands on what its work returns and throws, also what it throws at once', async () => {
    const { signal } = new AbortController();
    const failure = new Error('duplicate key');
    await expect(context.run(signal, () => 'quiz')).resolves.toBe('quiz');
    const run = context.run(signal, () => {
      throw failure;
    });
    await expect(run).rejects.toBe(failure);
  });

  it.each<[string, (controller: AbortController) => unknown]>([
    ['returns', () => 'quiz'],
    ['fails', () => Promise.reject(new Error('duplicate key'))],
    ['tracked something', () => context.track('llm', 'chat', Promise.resolve())],
    ['was aborted', (controller) => controller.abort(reason)],
  ])('takes its listener off the signal and stops its clock when the work %s', async (_, work) => {
    jest.useFakeTimers();
    const controller = new AbortController();
    await context.run(controller.signal, () => work(controller), { timeoutMs: 1000 }).catch(() => undefined);
    expectNoAbortListeners(controller.signal);
    expect(jest.getTimerCount()).toBe(0);
  });

  it('leaves no listener after 10,000 runs under one root', async () => {
    const root = new AbortController();
    for (let round = 0; round < 10_000; round++) await context.run(root.signal, () => context.track('llm', 'chat', Promise.resolve()));
    expectNoAbortListeners(root.signal);
  });

  it('inside a run belongs to the inner scope, which neither aborts the outer nor follows it', async () => {
    const [outer, inner] = [new AbortController(), new AbortController()];
    await context.run(outer.signal, async (scope) => {
      const run = context.run(inner.signal, () => {
        expect(context.scope).not.toBe(scope);
        expect(context.scope.id).not.toBe(scope.id);
        outer.abort(reason);
        context.checkpoint('inner');
        inner.abort(new DrainingError());
        context.checkpoint('inner');
      });
      await expect(run).rejects.toBe(inner.signal.reason);
      expect(context.scope).toBe(scope);
      expect(context.signal.reason).toBe(reason);
    });
  });

  it('stops with the request around it when it is given the ambient signal', async () => {
    const outer = new AbortController();
    const nested = context.run(outer.signal, () =>
      context.run(context.signal, () => {
        outer.abort(reason);
        context.checkpoint();
      }),
    );
    await expect(nested).rejects.toBe(reason);
  });

  it('has so much time left as its deadline leaves, the first of those around it, and no end of it without one', async () => {
    const { signal } = new AbortController();
    const within = <T>(timeoutMs: number | undefined, fn: () => T | Promise<T>): Promise<T> => context.run(signal, fn, { timeoutMs });
    const left = (): number => context.remainingMs;
    const isNear = (ms: number, to: number): boolean => ms <= to && ms > to - 1000;
    expect(await within(undefined, left)).toBe(Infinity);
    expect(isNear(await within(60_000, left), 60_000)).toBe(true);
    expect(isNear(await within(60_000, () => within(5000, left)), 5000)).toBe(true);
    expect(isNear(await within(5000, () => within(60_000, left)), 5000)).toBe(true);
    expect(isNear(await within(5000, () => within(undefined, left)), 5000)).toBe(true);
    expect(isNear(await within(60_000, () => context.shield(left)), 3000)).toBe(true);
    expect(isNear(await within(1000, () => context.shield(left)), 3000)).toBe(true);
    expect(await within(1000, () => context.detached('a test', left))).toBe(Infinity);
    expect(await within(0, left)).toBe(0);
  });

  it('begins nothing after its deadline, though the event loop has been blocked and no timer has said so', async () => {
    await context.run(
      new AbortController().signal,
      async (scope) => {
        expect(() => context.checkpoint()).not.toThrow();
        block(scope.deadline);
        expect(() => context.checkpoint('generate_quiz')).toThrow(new DeadlineExceededError(20));
        expect(scope.signal.reason).toMatchObject({ timeoutMs: 20 });
        const first: unknown = scope.signal.reason;
        await new Promise((resolve) => setTimeout(resolve));
        expect(scope.signal.reason).toBe(first);
      },
      { timeoutMs: 20 },
    );
  });

  it('stops with the reason of the scope around it once the deadline of that has passed, also under a signal of its own', async () => {
    await context.run(
      new AbortController().signal,
      (outer) =>
        context.run(new AbortController().signal, (inner) => {
          block(outer.deadline);
          expect(() => inner.checkpoint()).toThrow(new DeadlineExceededError(20));
          expect(inner.signal.reason).toBe(outer.signal.reason);
        }),
      { timeoutMs: 20 },
    );
  });

  it('keeps two that run at once apart', async () => {
    const gate = new Gate();
    const [first, second] = [new AbortController(), new AbortController()];
    const work = async (): Promise<string> => {
      await gate.wait();
      context.checkpoint();
      return context.scope.id;
    };
    const runs = [context.run(first.signal, work, { id: 'first' }), context.run(second.signal, work, { id: 'second' })];
    const outcomes = Promise.allSettled(runs);
    first.abort(reason);
    gate.open();
    expect(await outcomes).toEqual([
      { status: 'rejected', reason },
      { status: 'fulfilled', value: 'second' },
    ]);
  });
});

describe('checkpoint', () => {
  it('lets work pass that is still wanted, silently, and notes the stage', async () => {
    await context.run(new AbortController().signal, (scope) => {
      context.checkpoint('generate_quiz', 'aborting LLM call');
      expect(scope.lastStage).toBe('generate_quiz');
    });
    expect(log.lines).toEqual([]);
  });

  it('throws the reason itself after one INFO line, once for each stage', async () => {
    await context.run(
      AbortSignal.abort(reason),
      () => {
        for (let look = 0; look < 3; look++)
          expect(caughtFrom(() => context.checkpoint('generate_quiz', 'aborting LLM call'))).toBe(reason);
        expect(caughtFrom(() => context.checkpoint('evaluate_content', 'skipping evaluation'))).toBe(reason);
      },
      { id: 'task-1' },
    );
    expect(log.at('log', 'Abort')).toEqual([
      '[generate_quiz] Client disconnected, aborting LLM call',
      '[evaluate_content] Client disconnected, skipping evaluation',
    ]);
    expect(log.lines[0]!.fields).toMatchObject({ task_id: 'task-1', stage: 'generate_quiz', cause: 'client_disconnect' });
    expect(log.lines).toHaveLength(2);
  });

  it('takes the stage around it, else the last one, else says `request`', async () => {
    const look = (): void => void caughtFrom(() => context.checkpoint());
    await context.run(AbortSignal.abort(reason), () => context.stage('retrieve_content', look));
    await context.run(AbortSignal.abort(reason), (scope) => {
      scope.enter('query_weakness');
      look();
    });
    await context.run(AbortSignal.abort(reason), look);
    expect(log.at('log')).toEqual([
      '[retrieve_content] Client disconnected, stopping',
      '[query_weakness] Client disconnected, stopping',
      '[request] Client disconnected, stopping',
    ]);
  });

  it.each(ABORT_CAUSES)('says the words of the cause %s', async (cause) => {
    const signal = AbortSignal.abort(Object.assign(new ClientDisconnectedError(), { abortCause: cause }));
    await context.run(signal, () => caughtFrom(() => context.checkpoint('a', 'stopping')));
    expect(log.at('log')).toEqual([`[a] ${describeCause(cause)}, stopping`]);
  });
});

describe('announce', () => {
  it('says nothing while nothing has aborted', async () => {
    await context.run(new AbortController().signal, () => context.announce('aborting LLM call', 'generate_quiz'));
    expect(log.lines).toEqual([]);
  });

  it('speaks for the frame it is given, wherever the abort came from', async () => {
    const controller = new AbortController();
    const gate = new Gate();
    const run = context.run(controller.signal, () =>
      context.stage('generate_quiz', async () => {
        const frame = context.frame!;
        context.signal.addEventListener('abort', () => context.announce('aborting LLM call', undefined, frame));
        await gate.wait();
      }),
    );
    await context.run(new AbortController().signal, () => context.stage('elsewhere', () => controller.abort(reason)));
    gate.open();
    await run;
    expect(log.at('log')).toEqual(['[generate_quiz] Client disconnected, aborting LLM call']);
  });
});

describe('stage', () => {
  it('hands on what its work returns', async () => {
    await context.run(new AbortController().signal, () => {
      expect(context.stage('generate_quiz', () => 42)).toBe(42);
    });
  });

  it('keeps the names of parallel stages apart, also across awaits', async () => {
    const gates = { a: new Gate(), b: new Gate() };
    const branch = (name: 'a' | 'b') =>
      context.stage(name, async () => {
        await gates[name].wait();
        await context.track('llm', 'chat', Promise.resolve());
        return context.currentStage;
      });
    await context.run(new AbortController().signal, async (scope) => {
      const both = Promise.all([branch('a'), branch('b')]);
      expect(scope.lastStage).toBe('b');
      gates.b.open();
      gates.a.open();
      expect(await both).toEqual(['a', 'b']);
      expect(context.currentStage).toBeUndefined();
    });
  });

  it('is restored when the inner stage ends', async () => {
    await context.run(new AbortController().signal, () =>
      context.stage('outer', () => {
        expect(context.stage('inner', () => context.currentStage)).toBe('inner');
        expect(context.currentStage).toBe('outer');
      }),
    );
  });
});

describe('track', () => {
  it('puts the stage of its own branch on the receipt', async () => {
    const controller = new AbortController();
    const gate = new Gate();
    await context.run(controller.signal, async (scope) => {
      const work = ['a', 'b'].map((name) => context.stage(name, () => context.track('llm', 'chat', gate.wait())));
      controller.abort(reason);
      gate.open();
      await Promise.all(work);
      expect(scope.report()!.layers.map(({ stage }) => stage)).toEqual(['a', 'b']);
    });
  });

  it('names, counts and warns of a zombie once, and lets its caller go with the reason', async () => {
    jest.useFakeTimers();
    const controller = new AbortController();
    const run = context.run(controller.signal, async (scope) => {
      const tracked = context.stage('generate_quiz', () => context.track('llm', 'chat gpt', new Gate().wait()));
      await expect(tracked).rejects.toBe(reason);
      await scope.settled();
      return scope.report();
    });
    controller.abort(reason);
    await jest.advanceTimersByTimeAsync(5000);
    expect(await run).toMatchObject({ zombies: ['llm:chat gpt'], stoppedMs: null });
    expect(stats.zombies).toBe(1);
    expect(log.at('warn')).toEqual(['[generate_quiz] Zombie: llm chat gpt ignores its signal, still running 5000 ms after the abort']);
    expect(log.at('error')).toEqual([]);
  });
});

describe('A patient shield', () => {
  it('makes no zombie of the work that waits in it for its turn', async () => {
    jest.useFakeTimers();
    const controller = new AbortController();
    const gate = new Gate();
    const others = context.run(new AbortController().signal, () =>
      Promise.all(Array.from({ length: 16 }, () => context.shield(() => gate.wait(), { timeout: 60_000, isPatient: true }))),
    );
    const run = context.run(controller.signal, async (scope) => {
      const books = async (): Promise<void> => {
        await context.shield(() => undefined, { isPatient: true });
        controller.signal.throwIfAborted();
      };
      const tracked = context.stage('generate_quiz', () => context.track('graph', 'generate_quiz', books()));
      controller.abort(reason);
      await expect(tracked).rejects.toBe(reason);
      await scope.settled();
      return scope.report();
    });
    await jest.advanceTimersByTimeAsync(12_000);
    gate.open();
    await others;
    await jest.advanceTimersByTimeAsync(0);
    expect(await run).toMatchObject({ zombies: [], stoppedMs: expect.any(Number) });
    expect(log.at('warn')).toEqual([]);
  });
});

describe('shield', () => {
  it('is out of reach of the abort around it, also of one that came before', async () => {
    const controller = new AbortController();
    await context.run(controller.signal, async () => {
      await context.shield(() => {
        const { signal } = context;
        controller.abort(reason);
        context.checkpoint();
        expect(signal.aborted).toBe(false);
      });
      await expect(context.shield(() => 'booked')).resolves.toBe('booked');
      expect(() => context.checkpoint()).toThrow(reason);
    });
  });

  it('keeps the id, the labels and the stage of the work around it', async () => {
    const run = context.run(
      new AbortController().signal,
      () =>
        context.stage('generate_quiz', () =>
          context.shield(() => [context.frame!.kind, context.scope.id, context.scope.labels, context.currentStage]),
        ),
      { id: 'task-1', labels: { owner: 'lena' } },
    );
    await expect(run).resolves.toEqual(['shield', 'task-1', { owner: 'lena' }, 'generate_quiz']);
  });

  it.each([
    ['its own', { timeout: 200 }, 200],
    ['the configured', undefined, 3000],
  ])('ends at %s timeout, and the work around it does not', async (_, options, ms) => {
    jest.useFakeTimers();
    const run = context.run(new AbortController().signal, async () => {
      const reasons = await context.shield(() => aborted(context.signal), options);
      return [reasons, context.signal.aborted];
    });
    await jest.advanceTimersByTimeAsync(ms - 1);
    expect(jest.getTimerCount()).toBe(1);
    await jest.advanceTimersByTimeAsync(1);
    expect(await run).toEqual([new DeadlineExceededError(ms), false]);
  });

  it('stops its clock as soon as its work is done', async () => {
    jest.useFakeTimers();
    await context.run(new AbortController().signal, () => context.shield(() => 'booked'));
    expect(jest.getTimerCount()).toBe(0);
  });

  it('has layers of its own, so that the receipt of the stopped work does not wait for its books', async () => {
    const controller = new AbortController();
    const gate = new Gate();
    await context.run(controller.signal, async (scope) => {
      const books = context.shield(() => context.track('database', 'insert', gate.wait()));
      controller.abort(reason);
      await scope.settled();
      expect(scope.report()).toMatchObject({ layers: [], stoppedMs: 0 });
      gate.open();
      await books;
    });
  });
});

describe('detached', () => {
  it('belongs to nobody: never aborted, and it says why that is right', async () => {
    const outer = AbortSignal.abort(reason);
    await context.run(outer, () =>
      context.detached('sweeping', () => {
        context.checkpoint();
        expect(context.frame).toMatchObject({ kind: 'detached', why: 'sweeping' });
        expect(context.signal.aborted).toBe(false);
      }),
    );
    await expect(context.detached('boot', () => 'migrated')).resolves.toBe('migrated');
  });

  it('leaves nothing behind when it runs 10,000 times', async () => {
    const signals = new Set<AbortSignal>();
    for (let round = 0; round < 10_000; round++) {
      await context.detached('sweeping', async () => {
        signals.add(context.signal);
        await context.track('database', 'delete', Promise.resolve());
      });
    }
    const most = Math.max(...[...signals].map((signal) => abortListenersOf(signal).length));
    expect(most).toBeLessThanOrEqual(1);
  });
});

describe('An abort context without options', () => {
  it.each([undefined, {}, { zombieAfterMs: undefined, shieldTimeoutMs: undefined }])(
    'given %p, has the documented defaults',
    async (options) => {
      jest.useFakeTimers();
      const defaults = new AbortContext(options);
      const run = defaults.run(new AbortController().signal, () => defaults.shield(() => aborted(defaults.signal)));
      await jest.advanceTimersByTimeAsync(5000);
      expect(await run).toEqual(new DeadlineExceededError(5000));
    },
  );
});

describe('Reasons of a run', () => {
  it('stay what they are through shields and stages, for whoever compares them', async () => {
    const cancelled = new CancelledError('user', { by: 'lena' });
    const run = context.run(AbortSignal.abort(cancelled), () =>
      context.stage('generate_quiz', async () => {
        await context.shield(() => 'booked');
        context.checkpoint();
      }),
    );
    await expect(run).rejects.toBe(cancelled);
  });
});

function aborted(signal: AbortSignal): Promise<unknown> {
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(signal.reason), { once: true }));
}

function caughtFrom(work: () => void): unknown {
  try {
    work();
  } catch (error) {
    return error;
  }
  throw new Error('nothing was thrown');
}
