import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import { queryObjects } from 'node:v8';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Pool } from 'undici';
import { eventually } from '../testing/index.js';
import { openProviderFetch } from './provider-fetch.js';

const providerFetch = openProviderFetch(false);

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

describe('The fetch of the clients of models', () => {
  it('cuts the socket of a call, and throws the reason of its signal', async () => {
    const controller = new AbortController();
    const { reader, closed } = await callInFlight(controller.signal);
    const reason = new Error('nobody waits');
    controller.abort(reason);
    await expect(reader.read()).rejects.toBe(reason);
    await closed;
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
    const pools = (): number => queryObjects(Pool, { format: 'count' });
    const before = pools();
    const controller = new AbortController();
    const { reader, closed } = await callInFlight(controller.signal);
    expect(pools()).toBe(before + 1);
    controller.abort();
    await expect(reader.read()).rejects.toThrow();
    await closed;
    await eventually(() => pools() === before);
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
    proxy.listen(0, '127.0.0.1');
    await once(proxy, 'listening');
    const before = process.env.HTTP_PROXY;
    process.env.HTTP_PROXY = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
    try {
      await openProviderFetch(true)(`http://127.0.0.1:${port()}/v1`).catch(() => undefined);
    } finally {
      if (before === undefined) delete process.env.HTTP_PROXY;
      else process.env.HTTP_PROXY = before;
      proxy.closeAllConnections();
      proxy.close();
    }
    expect(proxied).toHaveLength(1);
    expect(proxied[0]).toContain(`127.0.0.1:${port()}`);
    expect(connections).toEqual([]);
  });
});
