import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { Connection, ConnectionEvents } from './line.js';
import { ReconnectingTransport } from './reconnecting-transport.js';

/** A connection on which everything goes as the test says, and what is sent comes back. */
class ScriptedConnection implements Connection {
  isEnded = false;

  constructor(
    readonly on: ConnectionEvents,
    private readonly opening: Promise<void>,
  ) {}

  open(): Promise<void> {
    return this.opening;
  }

  send(text: string): Promise<unknown> {
    this.on.onText(text);
    return Promise.resolve();
  }

  ping(): Promise<unknown> {
    return Promise.resolve();
  }

  end(): Promise<unknown> {
    this.isEnded = true;
    return Promise.resolve();
  }
}

describe('A transport that reconnects', () => {
  let connections: ScriptedConnection[];
  let isReachable: boolean;
  let transport: ReconnectingTransport;
  let told: string[];

  beforeEach(() => {
    jest.useFakeTimers();
    [connections, told, isReachable] = [[], [], true];
    transport = new ReconnectingTransport((on) => {
      const connection = new ScriptedConnection(on, isReachable ? Promise.resolve() : Promise.reject(new Error('refused')));
      connections.push(connection);
      return connection;
    });
  });
  afterEach(async () => {
    await transport.close();
    jest.useRealTimers();
  });

  async function start(): Promise<void> {
    transport.start({
      onText: (text) => told.push(text),
      onUp: () => told.push('up'),
      onDown: (why) => told.push((why as Error).message),
    });
    await pass(0);
  }

  async function pass(ms: number): Promise<void> {
    await jest.advanceTimersByTimeAsync(ms);
  }

  /** Milliseconds until it tries again. */
  async function untilNext(): Promise<number> {
    const { length } = connections;
    const start = Date.now();
    while (connections.length === length && Date.now() - start < 5000) await pass(10);
    return Date.now() - start;
  }

  it('tries again ever more slowly, but every second at least, for as long as it takes', async () => {
    isReachable = false;
    await start();
    const pauses: number[] = [];
    for (let i = 0; i < 8; i += 1) pauses.push(await untilNext());
    expect(pauses).toEqual([100, 200, 400, 800, 1000, 1000, 1000, 1000]);
    expect(told).toEqual(Array(9).fill('refused'));
    isReachable = true;
    await untilNext();
    expect(told.at(-1)).toBe('up');
    expect(connections.slice(0, -1).every(({ isEnded }) => isEnded)).toBe(true);
  });

  it('is quick again after a line that held, and not after one that broke as soon as it was open', async () => {
    await start();
    const pauses: number[] = [];
    for (const heldMs of [0, 0, 0, 0, 0, 6000, 0]) {
      await pass(heldMs);
      connections.at(-1)?.on.onLost(new Error('lost'));
      pauses.push(await untilNext());
    }
    expect(pauses).toEqual([100, 200, 400, 800, 1000, 100, 200]);
  });

  it('tells of a loss once, and nothing more of a line that it has left', async () => {
    await start();
    const [first] = connections;
    first?.on.onLost(new Error('lost'));
    first?.on.onLost(new Error('lost again'));
    await untilNext();
    first?.on.onLost(new Error('and again'));
    expect(told).toEqual(['up', 'lost', 'up']);
    expect(connections).toHaveLength(2);
  });

  it('tries again also where a connection cannot even be made', async () => {
    let attempts = 0;
    transport = new ReconnectingTransport(() => {
      attempts += 1;
      throw new Error('no such file');
    });
    await start();
    await pass(500);
    expect([attempts, told]).toEqual([3, ['no such file', 'no such file', 'no such file']]);
  });

  it('takes nothing while it is down, and hands on nothing of what lines say to themselves', async () => {
    isReachable = false;
    await start();
    expect(await transport.send('lost')).toBe(false);
    isReachable = true;
    await untilNext();
    expect(await transport.send('kept')).toBe(true);
    connections.at(-1)?.on.onText('probe of another instance');
    expect(told).toEqual(['refused', 'up', 'kept']);
  });

  it('is not up before what it says has come back to it', async () => {
    const said: string[] = [];
    transport = new ReconnectingTransport((on) => {
      const connection = new ScriptedConnection(on, Promise.resolve());
      connection.send = (text) => Promise.resolve(said.push(text));
      connections.push(connection);
      return connection;
    });
    await start();
    await pass(1000);
    expect([said.length, told]).toEqual([1, []]);
    expect(await transport.send('too soon')).toBe(false);
    connections[0]?.on.onText(`${said[0]} but another`);
    await pass(0);
    expect(told).toEqual([]);
    connections[0]?.on.onText(said[0]!);
    await pass(0);
    expect(told).toEqual(['up']);
  });

  it('tells nothing and tries nothing once it is closed', async () => {
    await start();
    await transport.close();
    connections[0]?.on.onLost(new Error('lost'));
    await pass(10_000);
    await start();
    expect([told, connections.length, jest.getTimerCount()]).toEqual([['up'], 1, 0]);
    expect(await transport.send('too late')).toBe(false);
  });
});
