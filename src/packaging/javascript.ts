import { transformFileSync } from '@swc/core';
import { join } from 'node:path/posix';
import { walk, type Walked } from './module-walk.js';
import type { PackagePlan } from './packages.js';
import { pathOf, ROOT } from './source-tree.js';

/** The JavaScript of a package, compiled as the app is. */
export function toJavaScript(plan: PackagePlan, entries: readonly string[]): Walked {
  return walk(plan, entries, compile);
}

function compile(module: string): string {
  return transformFileSync(pathOf(module), { cwd: ROOT, configFile: join(ROOT, '.swcrc'), sourceMaps: false }).code;
}
