/** Jest runs the TypeScript sources as ES modules, compiled by swc, with the options that the build uses. */
export default {
  testEnvironment: 'node',
  roots: ['<rootDir>/src', '<rootDir>/test'],
  testMatch: ['**/*.spec.ts'],
  extensionsToTreatAsEsm: ['.ts'],
  moduleNameMapper: {
    '^(\\.{1,2}/.*)\\.js$': '$1',
    // The examples import what they would import elsewhere.
    '^@hangup/testing/jest$': '<rootDir>/src/testing/jest.ts',
    '^@hangup/(abort|testing)$': '<rootDir>/src/$1/index.ts',
  },
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      {
        swcrc: false,
        module: { type: 'es6' },
        sourceMaps: 'inline',
        jsc: {
          target: 'es2024',
          keepClassNames: true,
          parser: { syntax: 'typescript', decorators: true, dynamicImport: true },
          transform: { legacyDecorator: true, decoratorMetadata: true },
        },
      },
    ],
  },
  globalSetup: '<rootDir>/test/support/prepare-embedded.mjs',
  testTimeout: 60_000,
  maxWorkers: 2,
  // ES modules of suites that are over stay in memory: a worker that has seen dozens is twice as slow as a new one.
  workerIdleMemoryLimit: '1GB',
};
