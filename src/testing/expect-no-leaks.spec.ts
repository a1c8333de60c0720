import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server } from 'node:net';
import { describe, expect, it } from '@jest/globals';
import { expectNoLeaks, HandleWatch } from './index.js';

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
