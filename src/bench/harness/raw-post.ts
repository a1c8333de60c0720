import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

/** A request that is made on a socket of its own. */
export interface RawPost {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** Sends a request whose client can vanish: the socket is all there is of it. What comes is read, and thrown away. */
export async function post({ url, headers, body }: RawPost): Promise<Socket> {
  const { hostname, port, pathname } = new URL(url);
  const socket = connect(Number(port), hostname);
  await once(socket, 'connect');
  const lines = Object.entries({ host: hostname, 'content-type': 'application/json', 'content-length': String(body.length), ...headers });
  socket.write(`POST ${pathname} HTTP/1.1\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n${body}`);
  return socket.resume();
}
