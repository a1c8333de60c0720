import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

/**
 * Hands each connection to the next of its targets in turn. Bytes are passed on as they come, and either side that leaves closes the
 * other. A client that wants every request to go to the next one says `Connection: close`.
 */
export class Balancer {
  /** Which target each connection went to, in order. */
  readonly served: string[] = [];
  readonly #server = createServer((client) => this.#accept(client));
  readonly #open = new Set<Socket>();

  private constructor(private readonly targets: readonly { readonly url: string }[]) {}

  static async start(targets: readonly { readonly url: string }[]): Promise<Balancer> {
    const balancer = new Balancer(targets);
    balancer.#server.listen(0, '127.0.0.1');
    await once(balancer.#server, 'listening');
    return balancer;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    for (const socket of this.#open) socket.destroy();
    this.#server.close();
    await once(this.#server, 'close');
  }

  #accept(client: Socket): void {
    const target = this.targets[this.served.length % this.targets.length]?.url ?? '';
    this.served.push(target);
    const { hostname, port } = new URL(target);
    const upstream = connect(Number(port), hostname);
    this.#passOn(client, upstream);
    this.#passOn(upstream, client);
  }

  #passOn(from: Socket, to: Socket): void {
    this.#open.add(from);
    from.pipe(to);
    from.on('error', () => undefined);
    from.once('close', () => {
      this.#open.delete(from);
      to.destroy();
    });
  }
}
