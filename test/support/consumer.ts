import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { cp, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

export const ROOT = fileURLToPath(new URL('../../', import.meta.url));
/** What npm tells its scripts of this tree would send another npm here. */
const ENV = Object.fromEntries(
  Object.entries(process.env).filter(([name]) => !/^npm_(?!config_(?:cache|registry|userconfig)$)/.test(name)),
);

const MANIFEST = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as Record<'dependencies' | 'devDependencies', Versions>;

type Versions = Readonly<Record<string, string>>;

/** As this tree has them. */
export function versionsOf(...names: string[]): Versions {
  const all = { ...MANIFEST.dependencies, ...MANIFEST.devDependencies };
  return Object.fromEntries(names.map((name) => [name, all[name]!]));
}

/** What hangs is ended. */
const LONGEST_MS = 120_000;

/** What those who are careful ask of TypeScript. */
const STRICT = { strict: true, skipLibCheck: false, target: 'es2022', experimentalDecorators: true, emitDecoratorMetadata: true };
const RESOLUTIONS = {
  nodenext: { module: 'nodenext' },
  bundler: { module: 'esnext', moduleResolution: 'bundler', noEmit: true },
};

export interface ConsumerOptions {
  /** A folder of `test/consumers`. */
  readonly sources: string;
  readonly dependencies: Versions;
  /** Further fields of its `package.json`. */
  readonly manifest?: object;
  readonly compilerOptions: object;
}

/** A project of somebody else's, in which there is nothing but what it asks npm for. */
export class Consumer {
  private constructor(
    readonly folder: string,
    private readonly compilerOptions: object,
  ) {}

  static async create(folder: string, { sources, dependencies, manifest, compilerOptions }: ConsumerOptions): Promise<Consumer> {
    await cp(join(ROOT, 'test/consumers', sources), folder, { recursive: true });
    await writeFile(join(folder, 'package.json'), JSON.stringify({ private: true, type: 'module', dependencies, ...manifest }));
    await npm(folder, 'install', '--prefer-offline', '--no-audit', '--no-fund', '--no-package-lock');
    return new Consumer(folder, compilerOptions);
  }

  /** The names of all packages that are there now. */
  async installed(): Promise<string[]> {
    const lock = JSON.parse(await readFile(join(this.folder, 'node_modules/.package-lock.json'), 'utf8')) as { packages: object };
    return Object.keys(lock.packages).map((path) => path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length));
  }

  /** Makes one source of the examples in the README of an installed package. */
  async takeExamples(from: string, into: string): Promise<void> {
    const readme = await readFile(join(this.folder, 'node_modules', from, 'README.md'), 'utf8');
    const examples = [...readme.matchAll(/^```ts\n(.*?)^```$/gms)].map(([, example]) => example);
    await writeFile(join(this.folder, into), examples.join('\n'));
  }

  /** Puts the same source into a part of the project that is written as CommonJS. */
  async copyToCommonJs(source: string): Promise<void> {
    await cp(join(this.folder, source), join(this.folder, 'commonjs', source));
    await writeFile(join(this.folder, 'commonjs/package.json'), JSON.stringify({ type: 'commonjs' }));
  }

  /** Checks all sources; with `nodenext` also compiles them where they are. Rejects with what the compiler complains about. */
  async compile(resolution: keyof typeof RESOLUTIONS): Promise<void> {
    const compilerOptions = { ...STRICT, ...RESOLUTIONS[resolution], ...this.compilerOptions };
    const project = join(this.folder, `${resolution}.json`);
    await writeFile(project, JSON.stringify({ compilerOptions, include: ['**/*.ts'] }));
    await tsc(project);
  }

  /** Resolves with what Node printed, each line as the JSON that it is. */
  async run(...args: string[]): Promise<unknown[]> {
    const stdout = await execute(this.folder, process.execPath, ...args);
    return stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as unknown);
  }
}

/** Rejects with what the compiler complains about. */
export async function tsc(project: string): Promise<void> {
  await execute(dirname(project), process.execPath, join(ROOT, 'node_modules/typescript/bin/tsc'), '-p', project);
}

/** Resolves with what npm printed. */
export async function npm(folder: string, ...args: string[]): Promise<string> {
  return await execute(folder, 'npm', ...args);
}

/** Resolves with what a program printed; rejects with all of it where it fails. */
export async function execute(cwd: string, file: string, ...args: string[]): Promise<string> {
  const running = promisify(execFile)(file, args, { cwd, env: ENV, timeout: LONGEST_MS });
  const { stdout } = await running.catch((error: unknown) => {
    const { message, stdout } = error as Error & { readonly stdout: string };
    throw new Error(`${message}\n${stdout}`);
  });
  return stdout;
}
