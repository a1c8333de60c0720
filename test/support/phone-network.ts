import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { randomBytes, randomInt } from 'node:crypto';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const PREFIX = 'hangup-phone';
const PROGRAM = fileURLToPath(new URL('phone.mjs', import.meta.url));
const isRequired = process.env.REQUIRE_SERVICES === '1';

/**
 * A network with a phone in it, which can go down without a packet that says so: a network namespace at the other end of a virtual
 * cable. Needs root on Linux, and `ip` (iproute2).
 */
export class PhoneNetwork {
  readonly #phones: Phone[] = [];

  private constructor(
    private readonly namespace: string,
    private readonly cable: string,
    /** At which the phone reaches this machine. */
    readonly host: string,
  ) {}

  static async create(): Promise<PhoneNetwork> {
    await removeAbandoned();
    const name = randomBytes(4).toString('hex');
    // Set aside for measurements between networks (RFC 2544): nobody is to be met there.
    const net = `198.18.${randomInt(256)}.${4 * randomInt(64)}`.split('.').map(Number);
    const address = (n: number): string => [...net.slice(0, 3), net[3]! + n].join('.');
    const network = new PhoneNetwork(`${PREFIX}-${process.pid}-${name}`, `hup${name}`, address(1));
    try {
      await network.#lay(address(2));
    } catch (error) {
      await network.remove();
      throw error;
    }
    return network;
  }

  /** Starts a phone that sends a request. A slow one reads a little now and then. */
  send(url: string, token: string, body: object, how: 'at once' | 'slow' = 'at once'): Phone {
    const args = ['netns', 'exec', this.namespace, process.execPath, PROGRAM, url, token, JSON.stringify(body), how];
    const phone = new Phone(spawn('ip', args, { stdio: ['ignore', 'pipe', 'inherit'] }));
    this.#phones.push(phone);
    return phone;
  }

  /** No packet goes either way from now on, and nobody is told. Resolves with the moment (`performance.now()`). */
  async goDown(): Promise<number> {
    await ip('-n', this.namespace, 'link', 'set', 'phone', 'down');
    return performance.now();
  }

  async comeBack(): Promise<void> {
    await ip('-n', this.namespace, 'link', 'set', 'phone', 'up');
  }

  /** Lets phones take this much at a time, so that what they do not read waits here. */
  async shrinkBuffers(bytes: number): Promise<void> {
    const limits = `${bytes} ${bytes} ${bytes}`;
    await ip('netns', 'exec', this.namespace, 'sh', '-c', `echo ${limits} > /proc/sys/net/ipv4/tcp_rmem`);
  }

  async endPhones(): Promise<void> {
    await Promise.all(this.#phones.splice(0).map((phone) => phone.end()));
  }

  async remove(): Promise<void> {
    await this.endPhones();
    await removeNamespace(this.namespace);
    // Gone with its other end, but for the moments that the kernel takes to clean up.
    await ip('link', 'delete', this.cable).catch(() => undefined);
  }

  async #lay(phone: string): Promise<void> {
    await ip('netns', 'add', this.namespace);
    await ip('link', 'add', this.cable, 'type', 'veth', 'peer', 'name', 'phone', 'netns', this.namespace);
    await ip('address', 'add', `${this.host}/30`, 'dev', this.cable);
    await ip('link', 'set', this.cable, 'up');
    await ip('-n', this.namespace, 'address', 'add', `${phone}/30`, 'dev', 'phone');
    await ip('-n', this.namespace, 'link', 'set', 'phone', 'up');
  }
}

/** One request of a phone. */
export class Phone {
  heard = '';
  readonly #child: ChildProcess;

  constructor(child: ChildProcess) {
    this.#child = child;
    child.stdout?.on('data', (data: Buffer) => (this.heard += data.toString()));
  }

  get comments(): number {
    return this.heard.split('\n\n').filter((block) => block.startsWith(':')).length;
  }

  async end(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    this.#child.kill('SIGKILL');
    await once(this.#child, 'exit');
  }
}

async function ip(...args: string[]): Promise<string> {
  return (await promisify(execFile)('ip', args)).stdout;
}

async function removeNamespace(namespace: string): Promise<void> {
  if ((await ip('netns', 'list')).includes(namespace)) await ip('netns', 'delete', namespace);
}

/** What runs that were killed have left behind. */
async function removeAbandoned(): Promise<void> {
  const names = [...(await ip('netns', 'list')).matchAll(new RegExp(`^${PREFIX}-(\\d+)-\\w+`, 'gm'))];
  const abandoned = names.filter(([, pid]) => !existsSync(`/proc/${pid}`));
  await Promise.all(abandoned.map(([name]) => removeNamespace(name)));
}

async function canVanish(): Promise<boolean> {
  try {
    await (await PhoneNetwork.create()).remove();
    return true;
  } catch {
    return false;
  }
}

/** Whether suites with phones run: without what they need they are skipped, aloud; with `REQUIRE_SERVICES=1` they fail instead. */
const phonesAreHere = await canVanish();
if (!phonesAreHere && !isRequired) {
  process.stderr.write('SKIPPED: no network namespace can be made (Linux, root, iproute2), so tests with phones that vanish do not run\n');
}
export const runsPhones = phonesAreHere || isRequired;
