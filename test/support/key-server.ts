import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK, exportSPKI, generateKeyPair, SignJWT, type CryptoKey, type JWK, type JWTPayload } from 'jose';

interface KeyPair {
  readonly publicKey: CryptoKey;
  readonly privateKey: CryptoKey;
}

/** An identity provider's key set on a loopback port, and the private halves of its keys. */
export class KeyServer {
  /** What it answers instead of the key set. */
  fault?: { readonly status: number; readonly body: string };
  requests = 0;
  readonly #server = createServer((_, response) => {
    this.requests += 1;
    const { status = 200, body = JSON.stringify({ keys: this.#published }) } = this.fault ?? {};
    response.writeHead(status, { 'content-type': 'application/json', connection: 'close' }).end(body);
  });
  readonly #pairs = new Map<string, KeyPair>();
  #published: JWK[] = [];
  #port = 0;

  /** A server that knows one key for each algorithm; the algorithm is also the key's id. */
  static async start(algorithms: readonly string[] = ['RS256', 'ES256']): Promise<KeyServer> {
    const keys = new KeyServer();
    for (const alg of algorithms) {
      const pair = await generateKeyPair(alg);
      keys.#pairs.set(alg, pair);
      keys.#published.push({ ...(await exportJWK(pair.publicKey)), kid: alg, alg, use: 'sig' });
    }
    await keys.listen();
    return keys;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}/jwks`;
  }

  /** On the same port as before, if it has listened before. */
  async listen(): Promise<void> {
    this.#server.listen(this.#port, '127.0.0.1');
    await once(this.#server, 'listening');
    this.#port = (this.#server.address() as AddressInfo).port;
  }

  async stop(): Promise<void> {
    if (!this.#server.listening) return;
    this.#server.close();
    await once(this.#server, 'close');
  }

  async sign(alg: string, claims: JWTPayload): Promise<string> {
    return await new SignJWT(claims).setProtectedHeader({ alg, kid: alg }).setExpirationTime('1h').sign(this.#pair(alg).privateKey);
  }

  /** A key's public half in all the forms that an attacker finds it in. */
  async publicForms(alg: string): Promise<string[]> {
    const { publicKey } = this.#pair(alg);
    return [await exportSPKI(publicKey), JSON.stringify(await exportJWK(publicKey))];
  }

  #pair(alg: string): KeyPair {
    const pair = this.#pairs.get(alg);
    if (!pair) throw new Error(`This server has no key for ${alg}.`);
    return pair;
  }
}
