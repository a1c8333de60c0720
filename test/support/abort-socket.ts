import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { eventually } from '../../src/testing/index.js';

/** One TCP connection that speaks raw HTTP/1.1 and can be cut at any byte. */
export class RawClient {
  received = '';
  /** The client's own port: how the server knows it. */
  readonly port: number;
  readonly #socket: Socket;

  private constructor(socket: Socket) {
    this.#socket = socket;
    this.port = socket.localPort!;
    socket.setEncoding('utf8').on('data', (chunk: string) => (this.received += chunk));
    // A cut connection may report a reset: that is what the test asked for.
    socket.on('error', () => undefined);
  }

  static async connect(port: number): Promise<RawClient> {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true });
    await once(socket, 'connect');
    return new RawClient(socket);
  }

  /** Sends requests back to back, which pipelines them. */
  send(...requests: string[]): void {
    this.#socket.write(requests.join(''));
  }

  /** Resolves when so many answers have come whole. */
  async answers(count: number): Promise<void> {
    await eventually(() => this.received.split('HTTP/1.1 ').length - 1 >= count && isWhole(this.received), {
      message: `${count} answers in ${JSON.stringify(this.received)}`,
    });
  }

  async until(text: string): Promise<void> {
    await eventually(() => this.received.includes(text), { message: `${text} in ${JSON.stringify(this.received)}` });
  }

  /** Leaves as a closed tab does. */
  hangUp(): void {
    this.#socket.destroy();
  }

  /** Leaves as a phone does that lost its network and found it again: with a reset. */
  reset(): void {
    this.#socket.resetAndDestroy();
  }

  /** Says that it will send no more. */
  end(): void {
    this.#socket.end();
  }

  get isClosed(): boolean {
    return this.#socket.destroyed;
  }
}

export function get(path: string): string {
  return `GET ${path} HTTP/1.1\r\nHost: test\r\n\r\n`;
}

export function post(path: string, body: object): string {
  const json = JSON.stringify(body);
  return `POST ${path} HTTP/1.1\r\nHost: test\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(json)}\r\n\r\n${json}`;
}

function isWhole(received: string): boolean {
  const [head = '', ...rest] = received.slice(received.lastIndexOf('HTTP/1.1 ')).split('\r\n\r\n');
  const length = /content-length: (\d+)/i.exec(head)?.[1];
  const body = rest.join('\r\n\r\n');
  return length === undefined
    ? body.endsWith('0') || body.includes('\r\n0') || /^HTTP\/1\.1 (?:1|204|304)/.test(head)
    : Buffer.byteLength(body) >= Number(length);
}
