import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server } from 'node:net';
import { fileURLToPath } from 'node:url';
import { runInThisContext } from 'node:vm';
import { describe, expect, it } from '@jest/globals';
import { eventually, expectNoLeaks, HandleWatch } from './index.js';

const SOURCE = '(function make(setTimeout) { return setTimeout(() => undefined, 60_000); })';

async function listen(): Promise<Server> {
  const server = createServer();
  server.listen(0);
  await once(server, 'listening');
  return server;
}

describe('Work that is to leave nothing behind', () => {
  it('passes its answer on, and its failure', async () => {
    await expect(expectNoLeaks(() => 7)).resolves.toBe(7);
    await expect(expectNoLeaks(() => Promise.reject(new Error('refused')))).rejects.toThrow('refused');
  });

  it('may make what it ends', async () => {
    await expectNoLeaks(async () => {
      const timer = setTimeout(() => undefined, 60_000);
      const server = await listen();
      const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
      await once(socket, 'connect');
      socket.destroy();
      server.close();
      await once(server, 'close');
      clearTimeout(timer);
    });
  });

  it('fails with each thing that it left, and where it was made', async () => {
    let timer: NodeJS.Timeout | undefined;
    let server: Server | undefined;
    const leak = async (): Promise<void> => {
      timer = setTimeout(() => undefined, 60_000);
      server = await listen();
    };
    await expect(expectNoLeaks(leak)).rejects.toThrow(
      /^Left behind: a timer made at .*expect-no-leaks\.spec\.ts:\d+:\d+\), a server made at listen .*expect-no-leaks\.spec\.ts:\d+:\d+\)$/,
    );
    clearTimeout(timer);
    server?.close();
  });

  it('is looked at from when the watch began', async () => {
    const early = setTimeout(() => undefined, 60_000);
    const watch = new HandleWatch();
    const late = setTimeout(() => undefined, 60_000);
    expect(watch.left).toEqual([expect.stringContaining('a timer made at')]);
    clearTimeout(late);
    await watch.nothingIsLeft();
    clearTimeout(early);
  });
});

describe('A timer', () => {
  /** What is told of a timer that code at this place makes. */
  function leftBy(filename: string): string[] {
    const make = runInThisContext(SOURCE, { filename }) as (set: typeof setTimeout) => NodeJS.Timeout;
    const watch = new HandleWatch();
    const timer = make(setTimeout);
    watch.stop();
    clearTimeout(timer);
    return watch.left;
  }

  it.each([
    '/home/ada/jest-something/src/app.js',
    '/home/ada/@jest/app.js',
    '/home/ada/app/src/eventually.ts',
    'file:///home/ada/app/src/eventually.js',
  ])('of %s is told', (place) => {
    expect(leftBy(place)).toEqual([expect.stringContaining(`a timer made at make (${place}:1:`)]);
  });

  it.each([
    '/home/ada/app/node_modules/jest-circus/build/run.js',
    '/home/ada/app/node_modules/@jest/core/build/index.js',
    'C:\\ada\\node_modules\\jest-circus\\build\\run.js',
    new URL('eventually.js', import.meta.url).href,
    fileURLToPath(new URL('eventually.js', import.meta.url)),
  ])('of %s is not', (place) => {
    expect(leftBy(place)).toEqual([]);
  });

  it('of the wait for something is not', async () => {
    const watch = new HandleWatch();
    const waiting = eventually(() => watch.left.length > 0, { timeoutMs: 50 });
    await expect(waiting).rejects.toThrow('the probe still says false');
    watch.stop();
  });
});
