import { basename } from 'node:path/posix';
import ts from 'typescript';
import { isImportOrExport, isSpecifier, namesOf, specifierOf, specifiersOf, type ImportOrExport, type Specifier } from './import-nodes.js';
import { isInside } from './module-walk.js';
import { askedFor, type PackagePlan } from './packages.js';
import { isRelative, packageOf, targetOf } from './source-tree.js';

const WIRE = 'wire';
/** Whole, over several lines, and without a name that only the server knows. */
const { NoTruncation, InTypeAlias, MultilineObjectLiterals } = ts.NodeBuilderFlags;
const FLAGS: ts.NodeBuilderFlags = NoTruncation | InTypeAlias | MultilineObjectLiterals;

/**
 * The types that a package has from elsewhere in the tree, as they go over the wire: written out by the type checker, in which the
 * schemas they are made of are no longer seen. Those with a name of their own are declared in one module, beside the package's own.
 */
export class WireTypes {
  /** Named as its source would be, had it any. */
  readonly module: string;
  readonly #plan: PackagePlan;
  readonly #checker: ts.TypeChecker;
  readonly #declared = new Map<string, string>();

  constructor(plan: PackagePlan, checker: ts.TypeChecker) {
    this.#plan = plan;
    this.#checker = checker;
    this.module = `${plan.folders[0] ?? ''}/${WIRE}.ts`;
  }

  /** The declarations of a module, with what it has from elsewhere written out. */
  writeOut(file: ts.SourceFile, module: string, context: ts.TransformationContext): ts.SourceFile {
    const schemas = new Set(
      file.statements.filter(isImportOrExport).flatMap((each) => (this.#isOfAbsentPackage(each) ? namesOf(each) : [])),
    );
    const visit = (node: ts.Node): ts.Node | undefined => {
      if (isImportOrExport(node) && this.#isOfAbsentPackage(node)) return undefined;
      if (isImportOrExport(node) && this.#isOutside(node, module)) return this.#redirect(node, module, context.factory);
      if (ts.isTypeReferenceNode(node) && schemas.has(rootOf(node.typeName))) return this.#expand(node);
      return ts.visitEachChild(node, visit, context);
    };
    return ts.visitEachChild(file, visit, context);
  }

  /** The declarations of all types that were named until now. */
  print(): string {
    const sorted = [...this.#declared].sort(([a], [b]) => (a < b ? -1 : 1));
    return sorted.map(([name, type]) => `export type ${name} = ${type};\n`).join('');
  }

  #isOfAbsentPackage(node: ImportOrExport): boolean {
    const specifier = specifierOf(node);
    return specifier !== undefined && !isRelative(specifier) && !askedFor(this.#plan).has(packageOf(specifier));
  }

  #isOutside(node: ImportOrExport, module: string): boolean {
    const specifier = specifierOf(node);
    return specifier !== undefined && isRelative(specifier) && !isInside(this.#plan, targetOf(module, specifier));
  }

  /** From the module of wire types instead; schemas, which are values, from nowhere. */
  #redirect(node: ImportOrExport, module: string, factory: ts.NodeFactory): ts.Node | undefined {
    const kept = specifiersOf(node).filter((each) => this.#declare(each));
    if (kept.length === 0) return undefined;
    const from = factory.createStringLiteral(pathTo(this.module, module), true);
    if (ts.isExportDeclaration(node)) {
      const names = factory.createNamedExports(kept.filter(ts.isExportSpecifier));
      return factory.updateExportDeclaration(node, node.modifiers, node.isTypeOnly, names, from, node.attributes);
    }
    const names = factory.createNamedImports(kept.filter(ts.isImportSpecifier));
    const clause = factory.createImportClause(ts.SyntaxKind.TypeKeyword, undefined, names);
    return factory.updateImportDeclaration(node, node.modifiers, clause, from, node.attributes);
  }

  #declare(specifier: Specifier): boolean {
    const local = this.#checker.getSymbolAtLocation(ts.getOriginalNode(specifier, isSpecifier).name);
    const symbol = local && this.#checker.getAliasedSymbol(local);
    if (!symbol || !(symbol.flags & ts.SymbolFlags.Type)) return false;
    const { text: name } = specifier.propertyName ?? specifier.name;
    const type = this.#print(this.#checker.getDeclaredTypeOfSymbol(symbol));
    if ((this.#declared.get(name) ?? type) !== type) throw new Error(`Two types of @hangup/${this.#plan.name} have the name ${name}.`);
    this.#declared.set(name, type);
    return true;
  }

  #print(type: ts.Type): string {
    const file = ts.createSourceFile(`${WIRE}.ts`, '', ts.ScriptTarget.Latest);
    return ts.createPrinter().printNode(ts.EmitHint.Unspecified, this.#toNode(type), file);
  }

  #expand(node: ts.TypeReferenceNode): ts.TypeNode {
    return this.#toNode(this.#checker.getTypeFromTypeNode(ts.getOriginalNode(node, ts.isTypeReferenceNode)));
  }

  #toNode(type: ts.Type): ts.TypeNode {
    const node = this.#checker.typeToTypeNode(type, undefined, FLAGS);
    if (!node || type.flags & ts.TypeFlags.Any) throw new Error(`${this.#checker.typeToString(type)} cannot be written out.`);
    return node;
  }
}

function rootOf(name: ts.EntityName): string {
  return ts.isIdentifier(name) ? name.text : rootOf(name.left);
}

/** Both lie in one folder, or the module further inside. */
function pathTo(wire: string, module: string): string {
  const depth = module.split('/').length - wire.split('/').length;
  return `${depth > 0 ? '../'.repeat(depth) : './'}${basename(wire, '.ts')}.js`;
}
