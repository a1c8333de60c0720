import { globSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path/posix';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

/** What the import rules look at of one source file. Paths are relative to `src`. */
export interface SourceModule {
  readonly path: string;
  readonly imports: readonly Import[];
  /** Each use of a `raw` request or response, with what is done to it: `raw.writableEnded`, or `raw` where it is handed on. */
  readonly rawUses: readonly string[];
  readonly readsEnvironment: boolean;
}

export interface Import {
  readonly specifier: string;
  /** The file that a relative import names, relative to `src`; absent for packages. */
  readonly target?: string;
  /** Is nothing of it left at run time? */
  readonly isTypeOnly: boolean;
}

const ROOT = fileURLToPath(new URL('../../src/', import.meta.url));
/** Programs of their own, which start, measure and pack what is here from outside. */
const PROGRAMS = /^(bench|demo|packaging)\//;

/** Every module that the app is made of: neither its specs nor the programs around it. */
export function readSourceModules(): SourceModule[] {
  const paths = globSync('**/*.ts', { cwd: ROOT }).filter((path) => !path.endsWith('.spec.ts') && !PROGRAMS.test(path));
  return paths.sort().map((path) => parseModule(path, readFileSync(join(ROOT, path), 'utf8')));
}

export function parseModule(path: string, text: string): SourceModule {
  const nodes = flatten(ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true));
  const imports = nodes.flatMap((node): Import[] => {
    const specifier = specifierOf(node);
    return specifier === undefined ? [] : [{ specifier, target: targetOf(path, specifier), isTypeOnly: isTypeOnly(node) }];
  });
  return {
    path,
    imports,
    rawUses: nodes.flatMap((node) => rawUsesOf(node, nodes)),
    readsEnvironment: imports.some(({ specifier }) => /^(node:)?process$/.test(specifier)) || nodes.some(readsEnvironment),
  };
}

function flatten(node: ts.Node): ts.Node[] {
  const children: ts.Node[] = [];
  ts.forEachChild(node, (child) => void children.push(...flatten(child)));
  return [node, ...children];
}

/** Static, re-exporting, dynamic and type-only imports alike. */
function specifierOf(node: ts.Node): string | undefined {
  if (ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) return textOf(node.moduleSpecifier);
  if (ts.isExternalModuleReference(node)) return textOf(node.expression);
  if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) return textOf(node.argument.literal);
  if (!ts.isCallExpression(node)) return undefined;
  const isImport = node.expression.kind === ts.SyntaxKind.ImportKeyword || node.expression.getText() === 'require';
  return isImport ? textOf(node.arguments[0]) : undefined;
}

/** `import type` and `export type`, and a type that is imported where it stands; not `import { type A }`, which still runs the module. */
function isTypeOnly(node: ts.Node): boolean {
  if (ts.isImportDeclaration(node)) return node.importClause?.phaseModifier === ts.SyntaxKind.TypeKeyword;
  return (ts.isExportDeclaration(node) && node.isTypeOnly) || ts.isImportTypeNode(node);
}

function textOf(node: ts.Node | undefined): string | undefined {
  return node && ts.isStringLiteralLike(node) ? node.text : undefined;
}

function targetOf(path: string, specifier: string): string | undefined {
  if (!specifier.startsWith('.')) return undefined;
  return normalize(join(dirname(path), specifier)).replace(/\.js$/, '.ts');
}

/** `sql.raw` is Kysely's. Everything else of that name is Fastify's way to Node's own request and response. */
function rawUsesOf(node: ts.Node, nodes: readonly ts.Node[]): string[] {
  if (ts.isPropertyAccessExpression(node) && node.name.text === 'raw') return node.expression.getText() === 'sql' ? [] : [useOf(node)];
  if (ts.isElementAccessExpression(node) && textOf(node.argumentExpression) === 'raw') return [useOf(node)];
  if (!ts.isBindingElement(node) || (node.propertyName ?? node.name).getText() !== 'raw') return [];
  const local = node.name.getText();
  return nodes.filter((each) => ts.isIdentifier(each) && each.text === local && isReference(each)).map(useOf);
}

/** The variable itself, and not something else of its name: a field, or the place where it is bound. */
function isReference(node: ts.Node): boolean {
  const { parent } = node;
  if (ts.isPropertyAccessExpression(parent)) return parent.expression === node;
  return !ts.isPropertySignature(parent) && !ts.isPropertyAssignment(parent) && !ts.isBindingElement(parent);
}

function useOf(node: ts.Node): string {
  const { parent } = node;
  return ts.isPropertyAccessExpression(parent) && parent.expression === node ? `raw.${parent.name.text}` : 'raw';
}

/** `process.pid` and the like are no environment; `process.env`, and `process` taken apart or handed on, are. */
function readsEnvironment(node: ts.Node): boolean {
  if (!ts.isIdentifier(node) || node.text !== 'process' || !isReference(node)) return false;
  return !ts.isPropertyAccessExpression(node.parent) || node.parent.name.text === 'env';
}
