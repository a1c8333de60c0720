import ts from 'typescript';

export type ImportOrExport = ts.ImportDeclaration | ts.ExportDeclaration;
export type Specifier = ts.ImportSpecifier | ts.ExportSpecifier;

export function isImportOrExport(node: ts.Node): node is ImportOrExport {
  return ts.isImportDeclaration(node) || ts.isExportDeclaration(node);
}

export function isSpecifier(node: ts.Node): node is Specifier {
  return ts.isImportSpecifier(node) || ts.isExportSpecifier(node);
}

export function specifierOf({ moduleSpecifier }: ImportOrExport): string | undefined {
  return moduleSpecifier && ts.isStringLiteral(moduleSpecifier) ? moduleSpecifier.text : undefined;
}

export function specifiersOf(node: ImportOrExport): readonly Specifier[] {
  const names = ts.isImportDeclaration(node) ? node.importClause?.namedBindings : node.exportClause;
  if (names && (ts.isNamedImports(names) || ts.isNamedExports(names))) return names.elements;
  throw new Error(`Only names can be written out, not ${node.getText()}.`);
}

export function namesOf(node: ImportOrExport): string[] {
  return specifiersOf(node).map(({ name }) => name.text);
}
