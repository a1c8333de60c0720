import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { AbortContext } from '../../src/abort/index.js';
import { OpenRequests } from '../../src/app.requests.js';
import { Database } from '../../src/database/index.js';
import { Models } from '../../src/llm/index.js';
import { CancelBus, EventLog, EventWriter, Sweep, Tasks } from '../../src/tasks/index.js';
import { Leases } from '../../src/tasks/leases.service.js';
import { Gate } from '../../src/testing/index.js';
import { backends } from '../support/backends.js';
import { startTestApp, type TestApp } from '../support/test-app.js';

afterEach(() => {
  jest.restoreAllMocks();
});

describe('shutting down', () => {
  it.each(backends)('comes to what the work stands on after the work, and to the database last, on %s', async (backend) => {
    const app = await startTestApp({ backend });
    const order: string[] = [];
    const get = <T>(token: abstract new (...args: never[]) => T): T => app.app.get<T>(token, { strict: false });
    const note = <T extends object>(name: string, target: T, method: keyof T & string): void => {
      const original = (target[method] as (...args: unknown[]) => Promise<unknown>).bind(target);
      const spy = jest.spyOn(target as Record<string, (...args: unknown[]) => Promise<unknown>>, method);
      spy.mockImplementation(async (...args) => {
        order.push(`${name} begins`);
        await original(...args);
        order.push(`${name} over`);
      });
    };
    note('drain', get(Tasks), 'drain');
    note('models', get(Models), 'onApplicationShutdown');
    note('leases', get(Leases), 'onApplicationShutdown');
    note('sweep', get(Sweep), 'onApplicationShutdown');
    note('writer', get(EventWriter), 'close');
    note('events', get(EventLog), 'close');
    note('bus', get(CancelBus), 'close');
    note('database', get(Database).source, 'close');
    app.app.getHttpServer().once('close', () => order.push('server over'));
    await app.close();
    const at = (event: string): number => {
      expect(order).toContain(event);
      return order.indexOf(event);
    };
    expect(at('drain begins')).toBe(0);
    expect(at('drain over')).toBeLessThan(at('server over'));
    for (const part of ['models', 'leases', 'sweep', 'writer', 'bus', 'database'])
      expect(at('server over')).toBeLessThan(at(`${part} begins`));
    for (const part of ['leases', 'sweep']) expect(at(`${part} over`)).toBeLessThan(at('bus begins'));
    expect(at('writer over')).toBeLessThan(at('events begins'));
    expect(at('events over')).toBeLessThan(at('bus begins'));
    expect(at('bus over')).toBeLessThan(at('database begins'));
    expect(at('models over')).toBeLessThan(at('database begins'));
    expect(order.at(-1)).toBe('database over');
  });

  it('goes on without work that ignores its signal for ever, and names it', async () => {
    const app = await startTestApp({ env: { ZOMBIE_AFTER_MS: '20', SHIELD_TIMEOUT_MS: '20', DRAIN_TIMEOUT_MS: '0' } });
    const { id, release } = await runStubbornTask(app);
    await app.close();
    const left = app.logs.lines.find(({ msg }) => msg.startsWith('[Drain] Leaving after '));
    expect(left).toMatchObject({ level: 'warn', tasks: [id] });
    await release();
  });

  it('tells what there was to wait for, and how long that took', async () => {
    const app = await startTestApp();
    await app.close();
    const msg = '[Drain] Taking no more work: 0 tasks and 0 requests have 10000 ms to finish';
    expect(app.logs.lines).toContainEqual(expect.objectContaining({ level: 'info', msg, tasks: 0, requests: 0 }));
    expect(app.logs.lines).toContainEqual(
      expect.objectContaining({ level: 'info', msg: expect.stringMatching(/^\[Drain\] Done after \d+ ms$/) }),
    );
  });
});

/** A task whose work does not look, and ends when it is released. */
async function runStubbornTask({ app }: TestApp): Promise<{ readonly id: string; release(): Promise<void> }> {
  const id = '7f3a9a52-7d0e-4a94-9d3e-4a7f5d6b0c55';
  const work = new Gate();
  const spec = { owner: 'ada', kind: 'stubborn', scopes: [], input: {}, issue: { taskId: id, scopes: [] }, calls: [] };
  const run = app.get(AbortContext).detached('a task of a test', () =>
    app.get(Tasks).run(spec, new AbortController().signal, async () => {
      await work.wait();
      return { result: 'too late' };
    }),
  );
  const over = run.catch(() => undefined);
  await work.reached;
  const release = async (): Promise<void> => {
    work.open();
    await over;
  };
  return { id, release };
}

describe('open requests', () => {
  it('are waited for until there are none, those that come meanwhile too', async () => {
    const requests = new OpenRequests();
    const first = requests.open();
    const ended = requests.ended();
    const later = requests.open();
    first.close();
    expect(await Promise.race([ended.then(() => 'ended'), Promise.resolve('open')])).toBe('open');
    later.close();
    await ended;
    expect(requests.count).toBe(0);
    await requests.ended();
  });

  it('that close twice are counted once', () => {
    const requests = new OpenRequests();
    const [one] = [requests.open(), requests.open()];
    one.close();
    one.close();
    expect(requests.count).toBe(1);
  });
});
