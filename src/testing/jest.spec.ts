import { fileURLToPath } from 'node:url';
import { expect, it } from '@jest/globals';
import ts from 'typescript';

const USE = `
  expect({}).toHaveBeenCut();
  expect({}).not.toHaveNoAbortListeners();
  const stopped: Promise<void> = expect({}).toHaveStoppedAllWork({ timeoutMs: 100 });
  // @ts-expect-error There is no such option.
  void expect({}).toHaveStoppedAllWork({ timeout: 100 });
  // @ts-expect-error There is no such matcher.
  expect({}).toHaveBeenCutOff();
  export { stopped };`;

const PLANTED = new Map([
  ['globally.ts', `import './jest.js'; ${USE}`],
  ['imported.ts', `import { expect } from '@jest/globals'; import './jest.js'; ${USE}`],
]);

/** What the compiler says of the planted files, which stand beside this one, and of the types themselves. */
function check(): string[] {
  const options = {
    module: ts.ModuleKind.NodeNext,
    target: ts.ScriptTarget.ES2024,
    strict: true,
    skipLibCheck: true,
    noEmit: true,
    types: ['node', 'jest'],
  };
  const folder = fileURLToPath(new URL('.', import.meta.url));
  const host = ts.createCompilerHost(options);
  const { getSourceFile } = host;
  host.getSourceFile = (path, ...rest) => {
    const planted = PLANTED.get(path.replace(folder, ''));
    return planted === undefined ? getSourceFile(path, ...rest) : ts.createSourceFile(path, planted, ts.ScriptTarget.ES2024);
  };
  const paths = [...PLANTED.keys(), 'jest.ts'].map((name) => `${folder}${name}`);
  const program = ts.createProgram(paths, options, host);
  const diagnostics = paths.flatMap((path) => program.getSemanticDiagnostics(program.getSourceFile(path)));
  return diagnostics.map(({ file, messageText }) => `${file?.fileName}: ${ts.flattenDiagnosticMessageText(messageText, '\n')}`);
}

it('The matchers are typed on the global expect, and on that of @jest/globals', () => {
  expect(check()).toEqual([]);
});
