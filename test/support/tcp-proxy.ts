import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';

/** One connection through the proxy, as seen from its middle. */
export class ProxiedLink {
  /** What the client has sent so far. */
  said = '';
  readonly #client: Socket;
  readonly #server: Socket;

  /** How many bytes the server may still say. */
  #left: number;

  constructor(client: Socket, server: Socket, onEnd: () => void, cutAfterBytes = Infinity) {
    this.#client = client;
    this.#server = server;
    this.#left = cutAfterBytes;
    client.on('data', (data) => (this.said += data.toString('latin1')));
    for (const [from, to] of [
      [client, server],
      [server, client],
    ] as const) {
      from.on('data', (data) => (from === server ? this.#pass(data) : void to.write(data)));
      from.on('end', () => to.end());
      from.on('error', () => undefined);
      from.on('close', () => void to.destroy());
    }
    client.on('close', onEnd);
  }

  #pass(data: Buffer): void {
    const isLast = data.length >= this.#left;
    this.#client.write(data.subarray(0, this.#left), () => isLast && this.cut());
    this.#left -= Math.min(this.#left, data.length);
  }

  /** From now on nothing passes, and nobody is told: what either side sends, its goodbye too, waits until `thaw`. */
  freeze(): void {
    this.#client.pause();
    this.#server.pause();
  }

  thaw(): void {
    this.#client.resume();
    this.#server.resume();
  }

  cut(): void {
    this.#client.destroy();
    this.#server.destroy();
  }
}

/** Stands before a server, and is cut off or falls silent when a test says so. */
export class TcpProxy {
  readonly links = new Set<ProxiedLink>();
  /** How many connections have ever come, those that were turned away included. */
  accepted = 0;
  /** Each connection that comes from now on breaks when the server has said so many bytes. */
  cutAfterBytes = Infinity;
  readonly #server: Server;
  readonly #target: URL;
  #conduct: 'passes' | 'cut' | 'frozen' = 'passes';

  private constructor(target: URL) {
    this.#target = target;
    this.#server = createServer({ allowHalfOpen: true }, (client) => this.#accept(client));
  }

  /** Listens on a free port of 127.0.0.1. */
  static async start(target: string): Promise<TcpProxy> {
    const proxy = new TcpProxy(new URL(target));
    await new Promise<void>((resolve) => proxy.#server.listen(0, '127.0.0.1', resolve));
    return proxy;
  }

  /** The target's URL, through the proxy. */
  get url(): string {
    const url = new URL(this.#target);
    url.hostname = '127.0.0.1';
    url.port = String((this.#server.address() as AddressInfo).port);
    return url.href;
  }

  /** Every connection breaks, and each new one as soon as it has come, until `heal`. */
  cut(): void {
    this.#conduct = 'cut';
    for (const link of this.links) link.cut();
  }

  /** Every connection falls silent, and so does each new one, until `heal`. */
  freeze(): void {
    this.#conduct = 'frozen';
    for (const link of this.links) link.freeze();
  }

  heal(): void {
    this.#conduct = 'passes';
    this.cutAfterBytes = Infinity;
    for (const link of this.links) link.thaw();
  }

  async stop(): Promise<void> {
    this.cut();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #accept(client: Socket): void {
    this.accepted += 1;
    if (this.#conduct === 'cut') {
      client.destroy();
      return;
    }
    const { hostname, port } = this.#target;
    const server = connect({ host: hostname, port: Number(port), allowHalfOpen: true });
    const link: ProxiedLink = new ProxiedLink(client, server, () => this.links.delete(link), this.cutAfterBytes);
    this.links.add(link);
    if (this.#conduct === 'frozen') link.freeze();
  }
}
