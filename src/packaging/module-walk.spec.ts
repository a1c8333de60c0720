import { describe, expect, it } from '@jest/globals';
import { walk } from './module-walk.js';
import type { PackagePlan } from './packages.js';

const PLAN: PackagePlan = { name: 'fork', description: '', keywords: [], entries: {}, folders: ['fork', 'drawer/inner'] };

describe('What goes into a package', () => {
  it('is what its entries import, each once, and what that imports', () => {
    const sources: Record<string, string> = {
      'fork/index.ts': `export { a } from './a.js'; import '../drawer/inner/b.js'; import { readFile } from 'node:fs/promises';`,
      'fork/a.ts': `import { b } from '../drawer/inner/b.js'; import c from '@scope/c/deep'; export const a = b + c;`,
      'drawer/inner/b.ts': `export const b = await import('d');`,
    };
    const { texts, packages } = walk(PLAN, ['fork/index.ts'], (module) => sources[module] ?? '');
    expect(Object.fromEntries(texts)).toEqual(sources);
    expect([...packages].sort()).toEqual(['@scope/c', 'd', 'node:']);
  });

  it('is nothing from elsewhere in the tree', () => {
    const compile = (): string => `import { x } from '../drawer/x.js';`;
    expect(() => walk(PLAN, ['fork/index.ts'], compile)).toThrow(
      '@hangup/fork would lack drawer/x.ts, which fork/index.ts imports: only fork and drawer/inner go into it.',
    );
  });
});
