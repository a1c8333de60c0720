import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { eventually } from '../../src/testing/index.js';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
/** What the machine needs to run Node at all; everything else of this environment stays out. */
const INHERITED = { PATH: process.env.PATH, HOME: process.env.HOME };

/** The program as it is built and started in earnest, from the sources as they are now, in a folder of its own. */
export class BuiltApp {
  readonly #running = new Set<RunningApp>();

  private constructor(private readonly folder: string) {}

  static async build(): Promise<BuiltApp> {
    const folder = await mkdtemp(join(tmpdir(), 'hangup-built-'));
    await writeFile(join(folder, 'package.json'), JSON.stringify({ type: 'module' }));
    await symlink(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
    const swc = join(ROOT, 'node_modules/.bin/swc');
    const args = ['src', '-d', join(folder, 'dist'), '--strip-leading-paths', '--config-file', '.swcrc'];
    await promisify(execFile)(swc, args, { cwd: ROOT });
    return new BuiltApp(folder);
  }

  /** Starts the program with nothing in its environment but this. */
  start(env: Readonly<Record<string, string>>): RunningApp {
    const main = join(this.folder, 'dist/main.js');
    const running = new RunningApp(spawn(process.execPath, [main], { cwd: this.folder, env: { ...INHERITED, ...env } }));
    this.#running.add(running);
    return running;
  }

  /** Ends what still runs and removes the build. */
  async remove(): Promise<void> {
    await Promise.all([...this.#running].map((each) => each.stop('SIGKILL')));
    await rm(this.folder, { recursive: true });
  }
}

/** One run of the program. */
export class RunningApp {
  stdout = '';
  stderr = '';
  readonly #child: ChildProcess;
  readonly #exit: Promise<number | null>;

  constructor(child: ChildProcess) {
    this.#child = child;
    child.stdout?.on('data', (data: Buffer) => (this.stdout += data.toString()));
    child.stderr?.on('data', (data: Buffer) => (this.stderr += data.toString()));
    this.#exit = new Promise((resolve) => child.once('close', resolve));
  }

  /** Resolves with the exit code once the program has ended by itself, and all that it wrote is here. */
  async ended(): Promise<number | null> {
    return await this.#exit;
  }

  /** Resolves with the first match in what was written to standard output. */
  says(what: RegExp): Promise<RegExpExecArray> {
    return eventually(
      () => {
        const found = what.exec(this.stdout);
        if (!found) throw new Error(`not in: ${this.stdout}${this.stderr}`);
        return found;
      },
      { timeoutMs: 20_000, message: `${what} on standard output` },
    );
  }

  async stop(signal: NodeJS.Signals): Promise<number | null> {
    this.#child.kill(signal);
    return await this.#exit;
  }
}
