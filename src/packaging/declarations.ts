import { join } from 'node:path/posix';
import ts from 'typescript';
import { walk, type Walked } from './module-walk.js';
import type { PackagePlan } from './packages.js';
import { pathOf, ROOT } from './source-tree.js';
import { WireTypes } from './wire-types.js';

/** The sources of all packages, with their types. */
export function readProgram(entries: readonly string[]): ts.Program {
  const { config } = ts.readConfigFile(join(ROOT, 'tsconfig.json'), ts.sys.readFile.bind(ts.sys)) as { config: object };
  const { options } = ts.parseJsonConfigFileContent({ ...config, files: [], include: [] }, ts.sys, ROOT);
  return ts.createProgram(entries.map(pathOf), { ...options, sourceMap: false, declaration: true, emitDeclarationOnly: true });
}

/** The declarations of a package. Types that they have from elsewhere in the tree are written out. */
export function toDeclarations(plan: PackagePlan, entries: readonly string[], program: ts.Program): Walked {
  const wire = new WireTypes(plan, program.getTypeChecker());
  const { texts, packages } = walk(plan, entries, (module) => (module === wire.module ? '' : emit(program, module, wire)));
  // Not before all the others, which say what is in it.
  return { texts: texts.has(wire.module) ? new Map(texts).set(wire.module, wire.print()) : texts, packages };
}

function emit(program: ts.Program, module: string, wire: WireTypes): string {
  const source = program.getSourceFile(pathOf(module));
  if (!source) throw new Error(`There is no module ${module}.`);
  let text: string | undefined;
  const { diagnostics } = program.emit(source, (_, written) => (text = written), undefined, true, {
    afterDeclarations: [(context) => (node) => (ts.isSourceFile(node) ? wire.writeOut(node, module, context) : node)],
  });
  if (text === undefined || diagnostics.length > 0) throw new Error(`${module} has no declarations. ${describe(diagnostics)}`);
  return text;
}

function describe(diagnostics: readonly ts.Diagnostic[]): string {
  return ts.formatDiagnostics(diagnostics, {
    getCanonicalFileName: (name) => name,
    getCurrentDirectory: () => ROOT,
    getNewLine: () => '\n',
  });
}
