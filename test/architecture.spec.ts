import { describe, expect, it } from '@jest/globals';
import {
  abortImportsNothingLocal,
  clientImportsNothingButTypes,
  everySdkHasOneFolder,
  featuresNeverImportEachOther,
  featuresReachModelsThroughTheGateway,
  featuresReachSqlThroughRepositories,
  foldersAreImportedThroughTheirIndex,
  onlyAbortTouchesRawExchanges,
  onlyConfigReadsTheEnvironment,
  nothingImportsTheDoorForJest,
  testingImportsTheModelServerAlone,
  thePageStandsAlone,
} from './support/architecture-rules.js';
import { parseModule, readSourceModules } from './support/source-modules.js';

const modules = readSourceModules();

describe('the source tree', () => {
  it('is read whole, without specs and without the programs around the app', () => {
    const paths = modules.map(({ path }) => path);
    expect(paths).toEqual(expect.arrayContaining(['main.ts', 'abort/index.ts', 'quizzes/nodes/generate-quiz.node.ts']));
    expect(paths.filter((path) => /\.spec\.ts$|^bench\/|^demo\/|^packaging\//.test(path))).toEqual([]);
    expect(modules.find(({ path }) => path === 'database/connect.ts')?.imports).toContainEqual(
      expect.objectContaining({ specifier: '@electric-sql/pglite' }),
    );
  });

  it('keeps abort free of everything local, so that it can be taken into any app', () => {
    expect(abortImportsNothingLocal(modules)).toEqual([]);
  });

  it('lets the client import types alone, and nothing of Node', () => {
    expect(clientImportsNothingButTypes(modules)).toEqual([]);
    expect(modules.filter(({ path }) => path.startsWith('client/')).flatMap(({ imports }) => imports)).toContainEqual({
      specifier: '../quizzes/quiz.dto.js',
      target: 'quizzes/quiz.dto.ts',
      isTypeOnly: true,
    });
  });

  it('lets the testing kit import the model server alone, and a test runner in a door of its own', () => {
    expect(testingImportsTheModelServerAlone(modules)).toEqual([]);
    expect(nothingImportsTheDoorForJest(modules)).toEqual([]);
    expect(modules.find(({ path }) => path === 'testing/jest.ts')?.imports).toContainEqual(
      expect.objectContaining({ specifier: '@jest/globals' }),
    );
  });

  it('lets the console page import the client and what draws, and nobody the page', () => {
    expect(thePageStandsAlone(modules)).toEqual([]);
    expect(modules.filter(({ path }) => path.startsWith('console/page/')).flatMap(({ imports }) => imports)).toContainEqual({
      specifier: '../../client/index.js',
      target: 'client/index.ts',
      isTypeOnly: false,
    });
  });

  it('keeps the features apart from each other', () => {
    expect(featuresNeverImportEachOther(modules)).toEqual([]);
  });

  it('lets features write SQL in their repositories alone', () => {
    expect(featuresReachSqlThroughRepositories(modules)).toEqual([]);
  });

  it('lets features reach models through the gateway alone', () => {
    expect(featuresReachModelsThroughTheGateway(modules)).toEqual([]);
  });

  it('imports each SDK in one folder', () => {
    expect(everySdkHasOneFolder(modules)).toEqual([]);
  });

  it('enters folders through their index', () => {
    expect(foldersAreImportedThroughTheirIndex(modules)).toEqual([]);
  });

  it('touches raw exchanges in abort alone, but for the access log, which reads whether the answer was finished when it closed, and streams, which write their own', () => {
    expect(onlyAbortTouchesRawExchanges(modules)).toEqual([
      'app.logger.ts: raw.on',
      'app.logger.ts: raw.writableEnded',
      'sse/send-events.ts: raw.writeHead',
      'sse/send-events.ts: raw',
    ]);
    expect(modules.find(({ path }) => path === 'abort/abort.entry.ts')?.rawUses).not.toEqual([]);
  });

  it('reads the environment in config alone', () => {
    expect(onlyConfigReadsTheEnvironment(modules)).toEqual([]);
    expect(modules.filter(({ readsEnvironment }) => readsEnvironment).map(({ path }) => path)).toEqual(['config/load-config.ts']);
  });
});

/** A file that breaks a rule, and the same file where it would be right. */
const PLANTED = [
  { rule: abortImportsNothingLocal, path: 'abort/x.ts', text: `import { a } from '../config/index.js';`, right: 'auth/x.ts' },
  { rule: abortImportsNothingLocal, path: 'abort/x.ts', text: `import type { A } from '../app.logger.js';`, right: 'app.x.ts' },
  { rule: clientImportsNothingButTypes, path: 'client/x.ts', text: `import { a } from '../tasks/index.js';`, right: 'llm/x.ts' },
  { rule: clientImportsNothingButTypes, path: 'client/x.ts', text: `import { type A } from '../tasks/index.js';`, right: 'llm/x.ts' },
  { rule: clientImportsNothingButTypes, path: 'client/x.ts', text: `export { a } from '../quizzes/quiz.dto.js';`, right: 'quizzes/x.ts' },
  { rule: clientImportsNothingButTypes, path: 'client/x.ts', text: `import { z } from 'zod';`, right: 'llm/x.ts' },
  { rule: clientImportsNothingButTypes, path: 'client/x.ts', text: `import type { A } from 'node:http';`, right: 'testing/x.ts' },
  { rule: clientImportsNothingButTypes, path: 'client/x.ts', text: `await import('node:crypto');`, right: 'testing/x.ts' },
  { rule: testingImportsTheModelServerAlone, path: 'testing/x.ts', text: `import { D } from '../database/index.js';`, right: 'auth/x.ts' },
  {
    rule: testingImportsTheModelServerAlone,
    path: 'testing/x.ts',
    text: `import type { A } from '../abort/index.js';`,
    right: 'auth/x.ts',
  },
  { rule: testingImportsTheModelServerAlone, path: 'testing/x.ts', text: `import { M } from '@nestjs/common';`, right: 'auth/x.ts' },
  {
    rule: testingImportsTheModelServerAlone,
    path: 'testing/index.ts',
    text: `import { expect } from '@jest/globals';`,
    right: 'testing/jest.ts',
  },
  { rule: nothingImportsTheDoorForJest, path: 'testing/index.ts', text: `export * from './jest.js';`, right: 'testing/jest/x.ts' },
  { rule: clientImportsNothingButTypes, path: 'client/x.ts', text: `import { useState } from 'react';`, right: 'client/react/x.ts' },
  { rule: clientImportsNothingButTypes, path: 'client/x.ts', text: `import type { ReactNode } from 'react';`, right: 'client/react/x.ts' },
  { rule: clientImportsNothingButTypes, path: 'client/x.ts', text: `export { a } from './react/index.js';`, right: 'testing/x.ts' },
  { rule: clientImportsNothingButTypes, path: 'client/react/x.ts', text: `import { a } from 'react-dom';`, right: 'testing/x.ts' },
  { rule: clientImportsNothingButTypes, path: 'client/react/x.ts', text: `import { a } from '../../tasks/index.js';`, right: 'llm/a/x.ts' },
  { rule: everySdkHasOneFolder, path: 'quizzes/x.ts', text: `import { useState } from 'react';`, right: 'client/react/x.ts' },
  {
    rule: foldersAreImportedThroughTheirIndex,
    path: 'client/x.ts',
    text: `import type { A } from '../quizzes/quiz.service.js';`,
    right: 'quizzes/y.ts',
  },
  { rule: thePageStandsAlone, path: 'console/page/x.ts', text: `import type { T } from '../../tasks/index.js';`, right: 'console/x.ts' },
  { rule: thePageStandsAlone, path: 'console/page/x.ts', text: `import { c } from '../../client/call.js';`, right: 'console/x.ts' },
  { rule: thePageStandsAlone, path: 'console/page/x.ts', text: `import { join } from 'node:path';`, right: 'console/x.ts' },
  { rule: thePageStandsAlone, path: 'console/x.ts', text: `import { r } from './page/route.js';`, right: 'console/page/x.ts' },
  { rule: featuresNeverImportEachOther, path: 'chat/x.ts', text: `export * from '../quizzes/index.js';`, right: 'app.x.ts' },
  { rule: featuresNeverImportEachOther, path: 'quizzes/nodes/x.ts', text: `await import('../../chat/index.js');`, right: 'llm/x.ts' },
  {
    rule: featuresReachSqlThroughRepositories,
    path: 'quizzes/x.ts',
    text: `import { sql } from 'kysely';`,
    right: 'quizzes/x.repository.ts',
  },
  {
    rule: featuresReachSqlThroughRepositories,
    path: 'chat/x.ts',
    text: `import { D } from '../database/index.js';`,
    right: 'chat/x.repository.ts',
  },
  { rule: featuresReachSqlThroughRepositories, path: 'chat/x.ts', text: `import pg from 'pg';`, right: 'database/x.ts' },
  { rule: featuresReachModelsThroughTheGateway, path: 'quizzes/x.ts', text: `import { OpenAI } from 'openai';`, right: 'llm/x.ts' },
  {
    rule: featuresReachModelsThroughTheGateway,
    path: 'chat/x.ts',
    text: `import { c } from '@langchain/core/messages';`,
    right: 'llm/x.ts',
  },
  { rule: everySdkHasOneFolder, path: 'llm/x.ts', text: `import { A } from '@langchain/langgraph';`, right: 'quizzes/x.ts' },
  { rule: everySdkHasOneFolder, path: 'chat/x.ts', text: `import { A } from '@langchain/langgraph';`, right: 'quizzes/x.ts' },
  { rule: everySdkHasOneFolder, path: 'auth/x.ts', text: `import { i } from 'langchain/chat_models/universal';`, right: 'llm/x.ts' },
  { rule: everySdkHasOneFolder, path: 'health/x.ts', text: `import { sql } from 'kysely';`, right: 'health/x.repository.ts' },
  { rule: everySdkHasOneFolder, path: 'health/x.ts', text: `import { Pool } from 'pg';`, right: 'database/x.ts' },
  { rule: everySdkHasOneFolder, path: 'app.x.ts', text: `type T = import('@electric-sql/pglite').PGlite;`, right: 'database/x.ts' },
  { rule: everySdkHasOneFolder, path: 'quizzes/x.ts', text: `import * as jose from 'jose';`, right: 'auth/x.ts' },
  { rule: everySdkHasOneFolder, path: 'quizzes/x.ts', text: `import t from 'js-tiktoken/lite';`, right: 'llm/offline/x.ts' },
  { rule: everySdkHasOneFolder, path: 'llm/x.ts', text: `import { Redis } from 'ioredis';`, right: 'tasks/bus/x.ts' },
  { rule: everySdkHasOneFolder, path: 'tasks/x.ts', text: `import pg from 'pg';`, right: 'tasks/bus/x.ts' },
  { rule: everySdkHasOneFolder, path: 'tasks/bus/x.ts', text: `import { sql } from 'kysely';`, right: 'database/x.ts' },
  { rule: everySdkHasOneFolder, path: 'quizzes/x.ts', text: `import { expect } from '@jest/globals';`, right: 'testing/x.ts' },
  { rule: everySdkHasOneFolder, path: 'health/x.ts', text: `import { Counter } from 'prom-client';`, right: 'metrics/x.ts' },
  { rule: foldersAreImportedThroughTheirIndex, path: 'quizzes/x.ts', text: `import { L } from '../llm/llm.js';`, right: 'llm/sub/x.ts' },
  {
    rule: foldersAreImportedThroughTheirIndex,
    path: 'quizzes/x.ts',
    text: `import { m } from '../llm/offline/index.js';`,
    right: 'testing/x.ts',
  },
  {
    rule: foldersAreImportedThroughTheirIndex,
    path: 'main.ts',
    text: `import { T } from './auth/token-verifier.js';`,
    right: 'auth/auth/x.ts',
  },
  { rule: onlyAbortTouchesRawExchanges, path: 'chat/x.ts', text: `reply.raw.end();`, right: 'abort/x.ts' },
  { rule: onlyAbortTouchesRawExchanges, path: 'chat/x.ts', text: `const f = ({ raw: r }) => g(r);`, right: 'abort/x.ts' },
  { rule: onlyAbortTouchesRawExchanges, path: 'chat/x.ts', text: `request['raw'].on('close', f);`, right: 'abort/x.ts' },
  { rule: onlyConfigReadsTheEnvironment, path: 'llm/x.ts', text: `const key = process.env.KEY;`, right: 'config/x.ts' },
  { rule: onlyConfigReadsTheEnvironment, path: 'llm/x.ts', text: `const { env } = process;`, right: 'config/x.ts' },
  { rule: onlyConfigReadsTheEnvironment, path: 'llm/x.ts', text: `import { env } from 'node:process';`, right: 'config/x.ts' },
];

describe('the rules themselves', () => {
  it.each(PLANTED)('catch in $path: $text', ({ rule, path, text, right }) => {
    expect(rule([parseModule(path, text)])).toEqual([expect.stringContaining(`${path}: `)]);
    expect(rule([parseModule(right, text)])).toEqual([]);
  });

  it('guard an inner folder that has an index, also against its own surroundings', () => {
    const inner = parseModule('llm/offline/index.ts', '');
    const through = parseModule('llm/llm.ts', `import { m } from './offline/index.js';`);
    const past = parseModule('llm/models.ts', `import { m } from './offline/model-server.js';`);
    expect(foldersAreImportedThroughTheirIndex([inner, through, past])).toEqual(['llm/models.ts: imports ./offline/model-server.js']);
  });

  it('ask for a folder when an SDK comes that has none yet', () => {
    expect(everySdkHasOneFolder([parseModule('jobs/x.ts', `import { Worker } from 'bullmq';`)])).toEqual(['jobs/x.ts: imports bullmq']);
  });

  it('know what is none of their business: raw SQL, a raw field of a type, the process id, Node and the framework', () => {
    const text = `import { join } from 'node:path'; import { Module } from '@nestjs/common'; import { z } from 'zod';
      interface Answer { readonly raw: { readonly ended: boolean } } sql.raw('1'); const id = process.pid; job.process();`;
    const module = parseModule('quizzes/x.ts', text);
    expect([
      ...everySdkHasOneFolder([module]),
      ...onlyAbortTouchesRawExchanges([module]),
      ...onlyConfigReadsTheEnvironment([module]),
    ]).toEqual([]);
  });
});
