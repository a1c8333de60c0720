import { describe, expect, it } from '@jest/globals';
import { AbortScope, CancelledError, ClientDisconnectedError, type AbortReason } from './index.js';
import { abortListenersOf, expectNoAbortListeners, Gate } from '../testing/index.js';

const reason = new ClientDisconnectedError();

function scoped(controller = new AbortController()) {
  let opened = 0;
  const zombies: string[] = [];
  const source = {
    open: () => {
      opened += 1;
      return controller.signal;
    },
  };
  const policy = { zombieAfterMs: 60_000, onZombie: ({ layer }: { layer: string }) => void zombies.push(layer) };
  return { controller, scope: new AbortScope(source, policy, { owner: 'lena' }, 'task-1'), opened: () => opened, zombies };
}

describe('An abort scope', () => {
  it('opens its signal once, and only when somebody first looks at it', () => {
    const { scope, opened, controller } = scoped();
    expect([scope.id, scope.labels, scope.announce('generate_quiz'), opened()]).toEqual(['task-1', { owner: 'lena' }, true, 0]);
    expect(scope.signal).toBe(controller.signal);
    expect(scope.signal).toBe(controller.signal);
    expect(opened()).toBe(1);
  });

  it('makes an id of its own where it was given none, and keeps it', () => {
    const scope = new AbortScope({ open: () => new AbortController().signal }, { zombieAfterMs: 1, onZombie: () => undefined });
    expect(scope.id).toMatch(/^[0-9a-f-]{36}$/);
    expect(scope.id).toBe(scope.id);
    expect(scope.labels).toEqual({});
  });

  it('can be aborted from within where its source lets it, by the first reason alone, and says so where it does not', () => {
    const controller = new AbortController();
    const source = { open: () => controller.signal, abort: (why: AbortReason) => controller.abort(why) };
    const scope = new AbortScope(source, { zombieAfterMs: 1, onZombie: () => undefined });
    const [first, second] = [new CancelledError('budget'), new CancelledError('user')];
    scope.abort(first);
    scope.abort(second);
    expect(scope.signal.reason).toBe(first);
    expect(() => scoped().scope.abort(first)).toThrow('This scope cannot be aborted from within');
  });

  it('lets a checkpoint pass until the abort, and then throws the reason itself', () => {
    const { scope, controller } = scoped();
    expect(() => scope.checkpoint()).not.toThrow();
    controller.abort(reason);
    expect(() => scope.checkpoint()).toThrow(expect.objectContaining({ code: 'client_disconnected' }));
    expect(caughtFrom(() => scope.checkpoint())).toBe(reason);
    expect(scope.reason).toBe(reason);
  });

  it('has no reason and no report before the abort', async () => {
    const { scope } = scoped();
    await scope.track('llm', 'chat', undefined, Promise.resolve('done'));
    expect(scope.reason).toBeUndefined();
    expect(scope.report()).toBeUndefined();
  });

  it('gives a typed reason and throws the foreign one where foreign code aborted', () => {
    const controller = new AbortController();
    const { scope } = scoped(controller);
    controller.abort('enough');
    expect(scope.reason).toBeInstanceOf(CancelledError);
    expect(caughtFrom(() => scope.checkpoint())).toBe('enough');
  });

  it('announces each stage once', () => {
    const { scope } = scoped();
    expect(scope.hasAnnounced).toBe(false);
    expect(['a', 'a', 'b', 'a'].map((stage) => scope.announce(stage))).toEqual([true, false, true, false]);
    expect(scope.hasAnnounced).toBe(true);
  });

  it('reports a stop at 0 ms where nothing was in flight', () => {
    const { scope, controller } = scoped();
    scope.enter('query_weakness');
    controller.abort(reason);
    expect(scope.report()).toEqual({ cause: 'client_disconnect', stage: 'query_weakness', stoppedMs: 0, layers: [], zombies: [] });
  });

  it('reports the layers that were in flight, as running until they have settled', async () => {
    const { scope, controller } = scoped();
    const gate = new Gate();
    const tracked = scope.track('llm', 'chat', 'generate_quiz', gate.wait());
    controller.abort(reason);
    expect(scope.report()).toMatchObject({
      stoppedMs: null,
      layers: [{ layer: 'llm', operation: 'chat', stage: 'generate_quiz', stoppedMs: null }],
    });
    gate.open();
    await scope.settled();
    await tracked;
    const { stoppedMs, layers } = scope.report()!;
    expect(stoppedMs).toBeGreaterThanOrEqual(0);
    expect(layers[0]!.stoppedMs).toBe(stoppedMs);
  });

  it('puts one listener on its signal, however much it tracks, and none if it tracks nothing', async () => {
    const { scope, controller } = scoped();
    scope.checkpoint();
    expectNoAbortListeners(controller.signal);
    await Promise.all(Array.from({ length: 1000 }, () => scope.track('llm', 'chat', undefined, Promise.resolve())));
    expect(abortListenersOf(controller.signal)).toHaveLength(1);
  });

  it('has settled at once when it tracked nothing', async () => {
    await expect(scoped().scope.settled()).resolves.toBeUndefined();
  });
});

function caughtFrom(work: () => void): unknown {
  try {
    work();
  } catch (error) {
    return error;
  }
  throw new Error('nothing was thrown');
}
