import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { EventEmitter, once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Dispatcher, Pool } from 'undici';
import { AbortContext, ClientDisconnectedError } from '../abort/index.js';
import { DisconnectTurns } from '../abort/disconnect-turns.js';
import { abortListenersOf, eventually, expectNoAbortListeners } from '../testing/index.js';
import { cutFirst, openProviderFetch } from './provider-fetch.js';

const turns = new DisconnectTurns();
const context = new AbortContext({}, undefined, turns);
const providerFetch = openProviderFetch(false, context);

let server: Server;
/** The ports from which the server was connected to. */
let connections: (number | undefined)[];

beforeEach(async () => {
  connections = [];
  server = createServer((_request: IncomingMessage, response: ServerResponse) => void response.write('data: {}\n\n'));
  server.on('connection', ({ remotePort }) => connections.push(remotePort));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
});

afterEach(async () => {
  server.closeAllConnections();
  server.close();
  await once(server, 'close');
});

function port(): number {
  return (server.address() as AddressInfo).port;
}

/** A call whose answer has begun, and what waits for its socket to close at the server. */
async function callInFlight(signal: AbortSignal) {
  const arrived = once(server, 'request') as Promise<[IncomingMessage, ServerResponse]>;
  const { body } = await providerFetch(`http://127.0.0.1:${port()}/v1/chat/completions`, { method: 'POST', body: '{}', signal });
  const reader = body!.getReader();
  await reader.read();
  const [, response] = await arrived;
  return { reader, closed: once(response, 'close') };
}

/** Lets `use` have a fetch that heeds this proxy, which is closed afterwards. */
async function through(proxy: Server, use: (proxiedFetch: typeof globalThis.fetch) => Promise<void>): Promise<void> {
  proxy.listen(0, '127.0.0.1');
  await once(proxy, 'listening');
  const before = process.env.HTTP_PROXY;
  process.env.HTTP_PROXY = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
  try {
    await use(openProviderFetch(true, context));
  } finally {
    if (before === undefined) delete process.env.HTTP_PROXY;
    else process.env.HTTP_PROXY = before;
    proxy.closeAllConnections();
    proxy.close();
  }
}

/** Emits what a diagnostics channel tells next. */
function subscribed(channel: string): EventEmitter {
  const emitter = new EventEmitter();
  const onMessage = (message: unknown): void => {
    unsubscribe(channel, onMessage);
    emitter.emit('message', message);
  };
  subscribe(channel, onMessage);
  return emitter;
}

/** Resolves when whatever a closed socket says here has been said. */
async function readInVain(): Promise<string> {
  for (let i = 0; i < 3; i += 1) await new Promise((resolve) => setImmediate(resolve));
  return 'nothing yet';
}

describe('The fetch of the clients of models', () => {
  it('cuts the socket of a call, and throws the reason of its signal', async () => {
    const controller = new AbortController();
    const { reader, closed } = await callInFlight(controller.signal);
    const reason = new Error('nobody waits');
    controller.abort(reason);
    await expect(reader.read()).rejects.toBe(reason);
    await closed;
  });

  it('closes the socket with the ambient signal, and says so when that of one of a crowd unwinds', async () => {
    const root = new AbortController();
    const reason = new ClientDisconnectedError();
    await context.run(root.signal, async () => {
      using unwinding = context.unwinding();
      const { reader, closed } = await callInFlight(unwinding.signal);
      turns.expectMore();
      const said = reader.read().catch((error: unknown) => error);
      root.abort(reason);
      await closed;
      expect(unwinding.signal.aborted).toBe(false);
      await expect(Promise.race([said, readInVain()])).resolves.toBe('nothing yet');
      turns.expectNoMore();
      await expect(said).resolves.toBe(reason);
    });
  });

  // A look at the ambient signal may find a deadline passed, and abort it; undici falls over that, and the process with it, once it has begun.
  it('looks at the ambient signal once, and before undici does anything', async () => {
    const root = new AbortController();
    let [looks, isLast] = [0, false];
    const look = (): void => {
      looks += 1;
      if (isLast) root.abort(new ClientDisconnectedError());
    };
    server.on('request', (_, response: ServerResponse) => response.end());
    const body = async (signal: AbortSignal) => await (await providerFetch(`http://127.0.0.1:${port()}/v1`, { signal })).text();
    await context.run(
      root.signal,
      async ({ signal }) => {
        // Over a connection that is opened, over one at rest, and where the first look aborts.
        for (isLast of [false, false, true]) {
          const before = looks;
          const call = body(signal);
          expect(looks - before).toBe(1);
          await (isLast ? expect(call).rejects.toBe(root.signal.reason) : expect(call).resolves.toBe('data: {}\n\n'));
        }
      },
      { look },
    );
  });

  it('looks again before a request that had to wait is sent, and not at one that is sent as it is handed over', async () => {
    let looks = 0;
    const controller = { abort: () => undefined } as unknown as Dispatcher.DispatchController;
    const started: boolean[] = [];
    const handler = { onRequestStart: () => started.push(true) };
    class Connections extends Dispatcher {
      held?: Dispatcher.DispatchHandler;
      override dispatch(_: Dispatcher.DispatchOptions, request: Dispatcher.DispatchHandler): boolean {
        if (this.held) request.onRequestStart?.(controller, undefined);
        this.held = request;
        return true;
      }
    }
    await context.run(
      new AbortController().signal,
      () => {
        const connections = new Connections();
        const call = cutFirst(connections, context, context.require('a test'));
        looks = 0;
        const options = { origin: 'http://model', path: '/', method: 'GET' } as const;
        call.dispatch(options, handler);
        expect([looks, started.length]).toEqual([0, 0]);
        connections.held?.onRequestStart?.(controller, undefined);
        expect([looks, started.length]).toEqual([1, 1]);
        call.dispatch(options, handler);
        expect([looks, started.length]).toEqual([1, 2]);
      },
      { look: () => void (looks += 1) },
    );
  });

  it('says that it was cut also where the signal that it was given never aborts', async () => {
    const root = new AbortController();
    const reason = new ClientDisconnectedError();
    await context.run(root.signal, async () => {
      const { reader, closed } = await callInFlight(new AbortController().signal);
      turns.expectMore();
      root.abort(reason);
      await closed;
      turns.expectNoMore();
      await expect(reader.read()).rejects.toMatchObject({ cause: { cause: reason } });
    });
  });

  type Leave = (root: AbortController) => void;
  let isOver: boolean;
  beforeEach(() => {
    isOver = false;
  });
  const abort: Leave = (root) => root.abort(new ClientDisconnectedError());
  it.each<[string, number, Partial<Record<'before' | 'meanwhile', Leave>>]>([
    ['opens no connection where the ambient signal has aborted', 0, { before: abort }],
    ['sends nothing where the ambient signal aborts while its connection is being opened', 1, { meanwhile: abort }],
    ['sends nothing where only a look tells that it had to abort meanwhile', 1, { meanwhile: () => (isOver = true) }],
  ])('%s, though that of the call has not', async (_, opened, { before, meanwhile }) => {
    const root = new AbortController();
    let requests = 0;
    server.on('request', () => (requests += 1));
    const fn = async (): Promise<void> => {
      before?.(root);
      const call = providerFetch(`http://127.0.0.1:${port()}/v1`, { method: 'POST', body: '{}' });
      if (meanwhile) {
        await once(subscribed('undici:client:beforeConnect'), 'message');
        meanwhile(root);
      }
      const error: unknown = await call.catch((thrown: unknown) => thrown);
      expect(root.signal.aborted).toBe(true);
      expect(error).toMatchObject({ cause: { cause: root.signal.reason as Error } });
    };
    await context.run(root.signal, fn, { look: () => isOver && abort(root) });
    // What was dialled before it is accepted before it.
    const after = connect(port(), '127.0.0.1');
    await once(after, 'connect');
    await eventually(() => connections.includes(after.localPort));
    expect([connections.length - 1, requests]).toEqual([opened, 0]);
    after.destroy();
  });

  it.each<[string, (response: ServerResponse) => void]>([
    ['completed', (response) => response.end()],
    ['broken off', (response) => response.destroy()],
  ])('leaves no listener on the ambient signal by a call that is %s', async (_, end) => {
    await context.run(new AbortController().signal, async ({ signal }) => {
      const arrived = once(server, 'request') as Promise<[IncomingMessage, ServerResponse]>;
      const { body } = await providerFetch(`http://127.0.0.1:${port()}/v1`);
      expect(abortListenersOf(signal)).toHaveLength(1);
      const [, response] = await arrived;
      end(response);
      await body!.pipeTo(new WritableStream()).catch(() => undefined);
      expectNoAbortListeners(signal);
    });
  });

  it('opens no other connection to the server whose call it has cut', async () => {
    const controller = new AbortController();
    const { reader, closed } = await callInFlight(controller.signal);
    controller.abort();
    await expect(reader.read()).rejects.toThrow();
    await closed;
    // What was dialled before it is accepted before it.
    const after = connect(port(), '127.0.0.1');
    await once(after, 'connect');
    await eventually(() => connections.includes(after.localPort));
    expect(connections).toHaveLength(2);
    after.destroy();
  });

  it('keeps nothing of a server to which it has no connection any more', async () => {
    const dispatch = jest.spyOn(Pool.prototype, 'dispatch');
    const pools = (): Pool[] => dispatch.mock.contexts as Pool[];
    /** Returns what cuts the call. */
    const call = async (): Promise<() => Promise<void>> => {
      const controller = new AbortController();
      const { reader, closed } = await callInFlight(controller.signal);
      return async () => {
        controller.abort();
        await expect(reader.read()).rejects.toThrow();
        await closed;
      };
    };
    const [cutFirstCall, cutSecond] = [await call(), await call()];
    const pool = pools()[0]!;
    await cutFirstCall();
    const cutThird = await call();
    expect(pools().map((each) => each === pool)).toEqual([true, true, true]);
    await cutSecond();
    await cutThird();
    await eventually(() => pool.stats.connected === 0);
    await readInVain();
    const cutLast = await call();
    expect(pools()[3]).not.toBe(pool);
    await cutLast();
    dispatch.mockRestore();
  });

  it('goes through a proxy where it is to heed one', async () => {
    const proxied: string[] = [];
    const proxy = createServer((request, response) => {
      proxied.push(request.url!);
      response.end('from the proxy');
    });
    proxy.on('connect', ({ url }: IncomingMessage, socket) => {
      proxied.push(url!);
      socket.end('HTTP/1.1 502 Bad Gateway\r\n\r\n');
    });
    await through(proxy, async (proxiedFetch) => {
      await proxiedFetch(`http://127.0.0.1:${port()}/v1`).catch(() => undefined);
    });
    expect(proxied).toHaveLength(1);
    expect(proxied[0]).toContain(`127.0.0.1:${port()}`);
    expect(connections).toEqual([]);
  });

  it('closes the socket to a proxy with the ambient signal, too', async () => {
    const { promise: closed, resolve } = Promise.withResolvers<undefined>();
    const proxy = createServer((_, response) => {
      response.on('close', () => resolve(undefined)).write('data: {}\n\n');
    });
    proxy.on('connect', (_, socket: Socket) => {
      const upstream = connect(port(), '127.0.0.1', () => socket.write('HTTP/1.1 200 OK\r\n\r\n'));
      socket.pipe(upstream).pipe(socket);
      socket.on('error', () => socket.destroy()).on('close', () => resolve(undefined));
    });
    await through(proxy, async (proxiedFetch) => {
      const root = new AbortController();
      await context.run(root.signal, async () => {
        using unwinding = context.unwinding();
        const { body } = await proxiedFetch(`http://127.0.0.1:${port()}/v1`, { signal: unwinding.signal });
        const reader = body!.getReader();
        await reader.read();
        turns.expectMore();
        root.abort(new ClientDisconnectedError());
        await closed;
        expect(unwinding.signal.aborted).toBe(false);
        turns.expectNoMore();
        await expect(reader.read()).rejects.toBe(root.signal.reason);
      });
    });
  });
});
