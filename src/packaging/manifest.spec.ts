import { describe, expect, it } from '@jest/globals';
import { checkImports, toManifest } from './manifest.js';
import type { PackagePlan } from './packages.js';

const PLAN: PackagePlan = {
  name: 'fork',
  description: 'Eats.',
  keywords: [],
  entries: { '.': 'fork/index.ts' },
  folders: ['fork'],
  dependencies: ['tine'],
  peers: { table: '^2' },
  optionalPeers: { '@types/node': '>=22' },
};
const ROOT = { version: '1.2.3', license: 'MIT', engines: { node: '>=22' }, dependencies: { plate: '1.0.0', tine: '4.0.1' } };

describe('A manifest', () => {
  it('asks for what the plan says, in the versions of the tree', () => {
    expect(toManifest(PLAN, ROOT)).toMatchObject({
      name: '@hangup/fork',
      version: '1.2.3',
      exports: { '.': { types: './lib/fork/index.d.ts', default: './lib/fork/index.js' } },
      dependencies: { tine: '4.0.1' },
      peerDependencies: { table: '^2', '@types/node': '>=22' },
      peerDependenciesMeta: { '@types/node': { optional: true } },
    });
  });

  it.each([
    [['tine', 'table', 'node:'], undefined],
    [['tine', 'table', 'node:', 'spoon'], '@hangup/fork imports spoon, which it does not ask for.'],
    [['tine', 'node:'], '@hangup/fork asks for table, which it does not import.'],
  ])('of a package that imports %j: %j', (imports, complaint) => {
    const check = (): void => checkImports(PLAN, new Set(imports));
    if (complaint === undefined) expect(check).not.toThrow();
    else expect(check).toThrow(complaint);
  });
});
