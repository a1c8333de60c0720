import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const run = promisify(execFile);

/** The client alone, compiled into a folder in which there is nothing else: no package, and no other source. */
export class ClientProcess {
  private constructor(private readonly folder: string) {}

  static async build(): Promise<ClientProcess> {
    const folder = await mkdtemp(join(tmpdir(), 'hangup-client-'));
    await writeFile(join(folder, 'package.json'), JSON.stringify({ type: 'module' }));
    const swc = join(ROOT, 'node_modules/.bin/swc');
    const args = ['src/client', '-d', folder, '--strip-leading-paths', '--config-file', '.swcrc', '--ignore', '**/*.spec.ts'];
    await run(swc, args, { cwd: ROOT });
    return new ClientProcess(folder);
  }

  /** Runs a module in a process of its own, with the exports of the client as `client`. Resolves with what it printed, once it has ended by itself. */
  async run(module: string, env: Readonly<Record<string, string>>, withinMs: number): Promise<string> {
    const file = join(this.folder, 'main.js');
    await writeFile(file, `import * as client from './client/index.js';\n${module}`);
    const { stdout } = await run(process.execPath, [file], { env: { ...env }, timeout: withinMs });
    return stdout;
  }

  async remove(): Promise<void> {
    await rm(this.folder, { recursive: true });
  }
}
