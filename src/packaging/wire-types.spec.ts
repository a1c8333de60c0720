import { beforeAll, describe, expect, it } from '@jest/globals';
import ts from 'typescript';
import type { PackagePlan } from './packages.js';
import { WireTypes } from './wire-types.js';

const PLAN: PackagePlan = { name: 'fork', description: '', keywords: [], entries: {}, folders: ['fork'], peers: { plate: '^1' } };

const SOURCES: Record<string, string> = {
  'zod.d.ts': `export declare namespace z { type output<S> = S extends { out: infer T } ? T : never }`,
  'plate.d.ts': `export interface Plate { readonly colour: string }`,
  'server/dto.ts': `
    export declare const meal: { out: { course: 'soup' | 'fish'; price?: number } };
    export type Meal = { out: { name: string } }['out'];
    export type Whatever = any;`,
  'server/other.ts': `export type Meal = string;`,
  'fork/order.ts': `
    import type { z } from 'zod';
    import type { Plate } from 'plate';
    import type { meal } from '../server/dto.js';
    export type Order = z.output<typeof meal> & { readonly on: Plate };`,
  'fork/menu.ts': `import type { Meal } from '../server/dto.js';\nexport type Menu = readonly Meal[];`,
  'fork/kids/index.ts': `export type { Meal as KidsMeal } from '../../server/dto.js';`,
  'fork/clash.ts': `export type { Meal } from '../server/other.js';`,
  'fork/loose.ts': `export type { Whatever } from '../server/dto.js';`,
};

let program: ts.Program;

beforeAll(() => {
  const options: ts.CompilerOptions = { module: ts.ModuleKind.ESNext, noLib: true, declaration: true, emitDeclarationOnly: true };
  const host: ts.CompilerHost = {
    getSourceFile: (name, target) => (SOURCES[name] === undefined ? undefined : ts.createSourceFile(name, SOURCES[name], target, true)),
    resolveModuleNameLiterals: (literals, from) =>
      literals.map(({ text }) => ({ resolvedModule: { resolvedFileName: locate(text, from), extension: ts.Extension.Ts } })),
    getDefaultLibFileName: () => 'lib.d.ts',
    getCurrentDirectory: () => '',
    getCanonicalFileName: (name) => name,
    useCaseSensitiveFileNames: () => true,
    getNewLine: () => '\n',
    fileExists: (name) => name in SOURCES,
    readFile: (name) => SOURCES[name],
    writeFile: () => undefined,
  };
  program = ts.createProgram(Object.keys(SOURCES), options, host);
});

function locate(specifier: string, from: string): string {
  if (!specifier.startsWith('.')) return `${specifier}.d.ts`;
  return new URL(specifier, `file:///${from}`).pathname.slice(1).replace(/\.js$/, '.ts');
}

function declare(wire: WireTypes, module: string): string {
  let text = '';
  program.emit(program.getSourceFile(module), (_, written) => (text = written), undefined, true, {
    afterDeclarations: [(context) => (node) => (ts.isSourceFile(node) ? wire.writeOut(node, module, context) : node)],
  });
  return text.replaceAll(/\s+/g, ' ').trim();
}

describe('The declarations of a package', () => {
  let wire: WireTypes;
  beforeAll(() => {
    wire = new WireTypes(PLAN, program.getTypeChecker());
  });

  it('have what a schema comes to in place of it, and neither the schema nor its library', () => {
    expect(declare(wire, 'fork/order.ts')).toBe(
      `import type { Plate } from 'plate'; export type Order = { course: "soup" | "fish"; price?: number | undefined; } & { readonly on: Plate; };`,
    );
  });

  it('have named types from a module beside them, wherever they lie', () => {
    expect(declare(wire, 'fork/menu.ts')).toBe(`import type { Meal } from './wire.js'; export type Menu = readonly Meal[];`);
    expect(wire.print()).toBe('export type Meal = {\n    name: string;\n};\n');
    expect(declare(wire, 'fork/kids/index.ts')).toBe(`export type { Meal as KidsMeal } from '../wire.js';`);
  });

  it.each([
    ['fork/clash.ts', 'Two types of @hangup/fork have the name Meal.'],
    ['fork/loose.ts', 'any cannot be written out.'],
  ])('are refused where they would say something else than the tree (%s)', (module, complaint) => {
    expect(() => declare(wire, module)).toThrow(complaint);
  });
});
