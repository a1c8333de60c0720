import { performance } from 'node:perf_hooks';
import { createServer, connect, type AddressInfo } from 'node:net';
import { once } from 'node:events';
import { describe, expect, it } from '@jest/globals';
import { expectNoLeaks } from '../../testing/index.js';
import { within } from './within.js';

const never = new Promise<never>(() => undefined);

describe('An answer that has to come within a time', () => {
  it('is what it is when it comes, an error too, and leaves no timer', async () => {
    const refused = new Error('refused');
    await expectNoLeaks(async () => {
      expect(await within(60_000, Promise.resolve(7))).toBe(7);
      await expect(within(60_000, Promise.reject(refused))).rejects.toBe(refused);
    });
  });

  it('is an error when it does not come', async () => {
    await expect(within(5, never)).rejects.toThrow('no answer within 5 ms');
  });

  it('may fail later than that without anybody having to hear of it', async () => {
    const late = Promise.withResolvers<never>();
    await expect(within(1, late.promise)).rejects.toThrow('no answer');
    late.reject(new Error('too late to matter'));
    await new Promise((resolve) => setImmediate(resolve));
  });

  it('counts when it has come while this process was too busy to read it', async () => {
    const server = createServer((socket) => void socket.end('here it is')).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
    await once(socket, 'connect');
    const answer = within(20, once(socket, 'data'));
    const end = performance.now() + 100;
    while (performance.now() < end);
    try {
      expect(String(await answer)).toBe('here it is');
    } finally {
      socket.destroy();
      server.close();
    }
  });
});
