import type { PackagePlan } from './packages.js';
import { importsOf } from './source-tree.js';

/** Compiled modules by their source, and the packages that they import. */
export interface Walked {
  readonly texts: ReadonlyMap<string, string>;
  readonly packages: ReadonlySet<string>;
}

/**
 * Compiles the entries of a package and whatever they import, as far as the compiled text says so: a type-only import is none in
 * JavaScript. Throws at a module that lies outside of the package.
 */
export function walk(plan: PackagePlan, entries: readonly string[], compile: (module: string) => string): Walked {
  const texts = new Map<string, string>();
  const packages = new Set<string>();
  const waiting = [...entries];
  for (let module = waiting.pop(); module !== undefined; module = waiting.pop()) {
    if (texts.has(module)) continue;
    const text = compile(module);
    texts.set(module, text);
    const imports = importsOf(module, text);
    for (const name of imports.packages) packages.add(name);
    for (const target of imports.modules) waiting.push(inside(plan, target, module));
  }
  return { texts, packages };
}

export function isInside({ folders }: PackagePlan, module: string): boolean {
  return folders.some((folder) => module.startsWith(`${folder}/`));
}

function inside(plan: PackagePlan, target: string, from: string): string {
  if (isInside(plan, target)) return target;
  throw new Error(`@hangup/${plan.name} would lack ${target}, which ${from} imports: only ${plan.folders.join(' and ')} go into it.`);
}
