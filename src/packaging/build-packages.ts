import { cp, mkdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path/posix';
import type ts from 'typescript';
import { readProgram, toDeclarations } from './declarations.js';
import { toJavaScript } from './javascript.js';
import { checkImports, toManifest } from './manifest.js';
import { PACKAGES, type PackagePlan } from './packages.js';
import { pathOf, readManifest, ROOT, stemOf, type RootManifest } from './source-tree.js';

/** Writes each package into a folder of its name, in place of what is there. Resolves with these folders. */
export async function buildPackages(into: string): Promise<string[]> {
  const root = readManifest();
  const program = readProgram(PACKAGES.flatMap(({ entries }) => Object.values(entries)));
  return await Promise.all(PACKAGES.map((plan) => build(plan, join(into, plan.name), program, root)));
}

async function build(plan: PackagePlan, folder: string, program: ts.Program, root: RootManifest): Promise<string> {
  const entries = Object.values(plan.entries);
  const javaScript = toJavaScript(plan, entries);
  const declarations = toDeclarations(plan, entries, program);
  checkImports(plan, javaScript.packages.union(declarations.packages));
  await rm(folder, { recursive: true, force: true });
  await writeModules(folder, javaScript.texts, '.js');
  await writeModules(folder, declarations.texts, '.d.ts');
  await writeFile(join(folder, 'package.json'), `${JSON.stringify(toManifest(plan, root), undefined, 2)}\n`);
  await cp(pathOf(join(plan.folders[0] ?? '', 'README.md')), join(folder, 'README.md'));
  await cp(join(ROOT, 'LICENSE'), join(folder, 'LICENSE'));
  return folder;
}

async function writeModules(folder: string, texts: ReadonlyMap<string, string>, ending: string): Promise<void> {
  for (const [module, text] of texts) {
    const path = join(folder, 'lib', stemOf(module) + ending);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, text);
  }
}
