import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { eventually } from '../../src/testing/index.js';

/** A Redis server for tests. Others use it too: each test speaks on a channel of its own. */
export const REDIS_URL = process.env.TEST_REDIS_URL ?? 'redis://127.0.0.1:6379';

const isRequired = process.env.REQUIRE_SERVICES === '1';

async function hasRedis(): Promise<boolean> {
  const redis = new Redis(REDIS_URL, { lazyConnect: true, retryStrategy: () => null, connectTimeout: 2000, commandTimeout: 2000 });
  redis.on('error', () => undefined);
  try {
    await redis.connect();
    await redis.ping();
    return true;
  } catch {
    return false;
  } finally {
    if (redis.status !== 'end') redis.disconnect();
  }
}

/** Tests on Redis are registered as skipped, aloud, where there is none; with `REQUIRE_SERVICES=1` they fail instead. */
const redisIsHere = await hasRedis();
if (!redisIsHere && !isRequired) {
  process.stderr.write(`SKIPPED: no Redis answers at ${new URL(REDIS_URL).host}, so tests on it do not run (scripts/services.sh)\n`);
}
export const runsRedis = redisIsHere || isRequired;

/** The same for tests that stop and start a server: they need the program. */
const programIsHere = spawnSync('redis-server', ['--version']).status === 0;
if (!programIsHere && !isRequired) {
  process.stderr.write('SKIPPED: there is no redis-server to start, so tests that stop one do not run (scripts/services.sh)\n');
}
export const startsRedis = programIsHere || isRequired;

/** A test run that is ended from outside, however it is, leaves no server behind. */
const UNTIL_STDIN_ENDS = '"$@" & cat; kill -9 $!; wait';

/** A Redis server that is the test's own, to be stopped and started again on its port. Bounded, and without anything kept. */
export class OwnRedis {
  readonly port: number;
  readonly #args: readonly string[];
  readonly #folder: string;
  #child?: ChildProcess;

  private constructor(port: number, folder: string, args: readonly string[]) {
    this.port = port;
    this.#folder = folder;
    this.#args = args;
  }

  /** A free port, where nobody listens before `start`. */
  static async prepare(...args: readonly string[]): Promise<OwnRedis> {
    return new OwnRedis(await freePort(), await mkdtemp(join(tmpdir(), 'hangup-redis-')), args);
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`;
  }

  /** Resolves when it takes connections. */
  async start(): Promise<void> {
    const bounds = ['--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--maxmemory', '32mb', '--dir', this.#folder];
    const command = ['redis-server', '--port', String(this.port), ...bounds, ...this.#args];
    this.#child = spawn('sh', ['-c', UNTIL_STDIN_ENDS, 'sh', ...command], { stdio: ['pipe', 'pipe', 'inherit'] });
    let said = '';
    this.#child.stdout?.on('data', (data: Buffer) => (said += data.toString()));
    await eventually(() => said.includes('Ready to accept connections'), { message: `redis-server did not start: ${said}` });
  }

  /** As a machine that loses its power. */
  async kill(): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (!child) return;
    const closed = new Promise((resolve) => child.once('close', resolve));
    child.stdin?.end();
    await closed;
  }

  async remove(): Promise<void> {
    await this.kill();
    await rm(this.#folder, { recursive: true });
  }
}

export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
