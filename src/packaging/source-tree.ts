import { readFileSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { dirname, join, normalize } from 'node:path/posix';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

export const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const SRC = join(ROOT, 'src');

export interface RootManifest {
  readonly version: string;
  readonly license: string;
  readonly engines: Readonly<Record<string, string>>;
  readonly dependencies: Readonly<Record<string, string>>;
}

export function readManifest(): RootManifest {
  return JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as RootManifest;
}

/** The file of a module that is named relative to `src`. */
export function pathOf(module: string): string {
  return join(SRC, module);
}

/** Without its ending: compiled, it has others. */
export function stemOf(module: string): string {
  return module.replace(/\.ts$/, '');
}

export interface Imports {
  /** Relative to `src`, with the ending of the source. */
  readonly modules: readonly string[];
  /** Names of packages, without what is behind them. Of Node's own modules `node:` alone. */
  readonly packages: readonly string[];
}

/** What compiled text still imports, be it JavaScript or declarations. */
export function importsOf(module: string, text: string): Imports {
  const specifiers = ts.preProcessFile(text).importedFiles.map(({ fileName }) => fileName);
  return {
    modules: specifiers.filter(isRelative).map((specifier) => targetOf(module, specifier)),
    packages: specifiers.filter((specifier) => !isRelative(specifier)).map(packageOf),
  };
}

export function isRelative(specifier: string): boolean {
  return specifier.startsWith('.');
}

export function targetOf(module: string, specifier: string): string {
  return normalize(join(dirname(module), specifier)).replace(/\.js$/, '.ts');
}

export function packageOf(specifier: string): string {
  if (isBuiltin(specifier)) return 'node:';
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');
}
