import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { eventually } from '../../src/testing/index.js';
import type { LogLine } from './log-capture.js';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
/** What the machine needs to run Node at all; everything else of this environment stays out. */
const INHERITED = { PATH: process.env.PATH, HOME: process.env.HOME };

/** The program as it is built and started in earnest, from the sources as they are now, in a folder of its own. */
export class BuiltApp {
  readonly #running = new Set<RunningApp>();

  private constructor(
    private readonly main: string,
    /** Removed in the end; absent where the build is somebody else's. */
    private readonly folder?: string,
  ) {}

  static async build(): Promise<BuiltApp> {
    const folder = await mkdtemp(join(tmpdir(), 'hangup-built-'));
    await writeFile(join(folder, 'package.json'), JSON.stringify({ type: 'module' }));
    await symlink(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
    const swc = join(ROOT, 'node_modules/.bin/swc');
    const args = ['src', '-d', join(folder, 'dist'), '--strip-leading-paths', '--copy-files', '--config-file', '.swcrc'];
    await promisify(execFile)(swc, args, { cwd: ROOT });
    return new BuiltApp(join(folder, 'dist/main.js'), folder);
  }

  /** The program that was built together with this file, and lies beside it. */
  static beside(): BuiltApp {
    return new BuiltApp(join(ROOT, 'src/main.js'));
  }

  /** Starts the program with nothing in its environment but this. */
  start(env: Readonly<Record<string, string>>): RunningApp {
    const running = new RunningApp(spawn(process.execPath, [this.main], { cwd: dirname(this.main), env: { ...INHERITED, ...env } }));
    this.#running.add(running);
    return running;
  }

  /** Ends what still runs and removes the build. */
  async remove(): Promise<void> {
    await Promise.all([...this.#running].map((each) => each.stop('SIGKILL')));
    if (this.folder !== undefined) await rm(this.folder, { recursive: true });
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

  /** What it logged so far, without the greeting that it prints for people. */
  get lines(): LogLine[] {
    const whole = this.stdout.slice(0, this.stdout.lastIndexOf('\n') + 1);
    return whole.split('\n').flatMap((line) => (line.startsWith('{') ? [JSON.parse(line) as LogLine] : []));
  }

  get isRunning(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** Freezes it in whatever it is doing, as a machine that stands still: its connections stay open, and nothing moves. */
  freeze(): void {
    this.#child.kill('SIGSTOP');
  }

  thaw(): void {
    this.#child.kill('SIGCONT');
  }

  async stop(signal: NodeJS.Signals): Promise<number | null> {
    this.#child.kill(signal);
    return await this.#exit;
  }
}
