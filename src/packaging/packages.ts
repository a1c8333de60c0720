/** What one package is made of, and what it asks of those who install it. */
export interface PackagePlan {
  /** Also the name of its folder, behind `@hangup/`. */
  readonly name: string;
  readonly description: string;
  readonly keywords: readonly string[];
  /** The module behind each subpath, relative to `src`. */
  readonly entries: Readonly<Record<string, string>>;
  /** Modules that do something by being imported. */
  readonly sideEffects?: readonly string[];
  /** Not for Node alone: which Node builds an app with it is the app's own affair. */
  readonly isForBrowsers?: boolean;
  /** Where its modules may lie. A type from anywhere else is written out; anything else from there is an error. */
  readonly folders: readonly string[];
  /** Installed with it, in the versions that this tree has. */
  readonly dependencies?: readonly string[];
  readonly peers?: Readonly<Record<string, string>>;
  /** Peers that an app may do without. */
  readonly optionalPeers?: Readonly<Record<string, string>>;
}

/** The packages that it may import, however they come to be there. With the types of Node come Node's own modules. */
export function askedFor({ dependencies = [], peers, optionalPeers }: PackagePlan): Set<string> {
  const names = [...dependencies, ...Object.keys({ ...peers, ...optionalPeers })];
  return new Set(names.map((name) => (name === '@types/node' ? 'node:' : name)));
}

/** Its declarations name Node's own types. */
const NODE_TYPES = { '@types/node': '>=22' };

export const PACKAGES: readonly PackagePlan[] = [
  {
    name: 'abort',
    description: 'When the client hangs up, the work stops: AbortSignals for NestJS that tell the truth.',
    keywords: ['nestjs', 'abort', 'abortsignal', 'cancellation', 'disconnect'],
    entries: { '.': 'abort/index.ts' },
    folders: ['abort'],
    peers: { '@nestjs/common': '^11 || ^12', '@nestjs/core': '^11 || ^12', rxjs: '^7' },
    optionalPeers: NODE_TYPES,
  },
  {
    name: 'client',
    description: 'The client of Hangup, for browsers, React Native and Node. Aborting a call stops its work on the server.',
    keywords: ['hangup', 'client', 'abort', 'sse', 'react'],
    entries: { '.': 'client/index.ts', './react': 'client/react/index.ts' },
    isForBrowsers: true,
    folders: ['client'],
    optionalPeers: { react: '>=18' },
  },
  {
    name: 'testing',
    description: 'Disconnects over real sockets, a scripted model server with a journal, and gates: tests of work that must stop.',
    keywords: ['testing', 'abort', 'disconnect', 'openai', 'mock-server'],
    entries: { '.': 'testing/index.ts', './jest': 'testing/jest.ts' },
    sideEffects: ['testing/jest.ts'],
    folders: ['testing', 'llm/offline'],
    dependencies: ['js-tiktoken', 'zod'],
    optionalPeers: { ...NODE_TYPES, '@jest/globals': '>=30', expect: '>=30' },
  },
];
