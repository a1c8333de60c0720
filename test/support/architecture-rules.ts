import { dirname } from 'node:path/posix';
import type { Import, SourceModule } from './source-modules.js';

/** What breaks a rule: `file: what it does`. Empty where the rule holds. */
export type Rule = (modules: readonly SourceModule[]) => string[];

const FEATURES = new Set(['quizzes', 'chat', 'documents', 'analyses']);

/** The folder of each SDK, and where one of its parts is at home besides. Kysely is also the language of repositories. */
const SDK_FOLDERS: readonly (readonly [sdk: string, folder: string, ...besides: string[]])[] = [
  ['@langchain/langgraph', 'quizzes'],
  ['@langchain/', 'llm'],
  ['langchain', 'llm'],
  ['openai', 'llm'],
  ['undici', 'llm'],
  ['js-tiktoken', 'llm'],
  ['@streamparser/json', 'llm'],
  // LISTEN needs a connection of its own, held for as long as the bus lives: nothing that a pool of queries gives.
  ['pg', 'database', 'tasks/bus'],
  ['@electric-sql/', 'database'],
  ['kysely', 'database'],
  ['ioredis', 'tasks'],
  ['jose', 'auth'],
  ['prom-client', 'metrics'],
  ['pg-boss', 'jobs'],
  ['pdfjs-dist', 'documents'],
  ['@napi-rs/canvas', 'documents'],
  ['@jest/globals', 'testing'],
  ['react', 'client/react'],
  ['lit-html', 'console'],
  ['uplot', 'console'],
];

/** What everything here is made with, and so no vendor's. */
const FRAMEWORK = [
  'node:',
  '@nestjs/',
  'fastify',
  '@fastify/',
  'rxjs',
  'reflect-metadata',
  'zod',
  '@standard-schema/',
  'pino',
  'nestjs-pino',
];

/** Doors beside the front door. */
const SIDE_DOORS: readonly { readonly from: string; opens(target: string, isTypeOnly: boolean): boolean }[] = [
  // The model server is used apart from the gateway, by tests.
  { from: 'testing', opens: (target) => target === 'llm/offline/index.ts' },
  // The client has the types of what goes over the wire, and nothing else of a feature.
  { from: 'client', opens: (target, isTypeOnly) => isTypeOnly && /^[a-z]+\/[a-z-]+\.dto\.ts$/.test(target) },
];

export const abortImportsNothingLocal: Rule = (modules) =>
  offences(modules, ({ path }, { target }) => folderOf(path) === 'abort' && target !== undefined && folderOf(target) !== 'abort');

/** So that it runs wherever `fetch` does, and its types are the server's own. What is for React has React, and nothing else reaches there. */
export const clientImportsNothingButTypes: Rule = (modules) =>
  offences(modules, ({ path }, { specifier, target, isTypeOnly }) => {
    if (folderOf(path) !== 'client') return false;
    if (target !== undefined && folderOf(target) === 'client') return isForReact(target) && !isForReact(path);
    if (specifier === 'react' && isForReact(path)) return false;
    return !isTypeOnly || (target === undefined && specifier !== 'zod');
  });

/** So that it is small, and for any app: no framework, and the one runner in a door of its own. */
export const testingImportsTheModelServerAlone: Rule = (modules) =>
  offences(modules, ({ path }, { specifier, target }) => {
    if (folderOf(path) !== 'testing' || isOf(specifier, 'node:')) return false;
    if (target === undefined) return path !== 'testing/jest.ts' || specifier !== '@jest/globals';
    return folderOf(target) !== 'testing' && target !== 'llm/offline/index.ts';
  });

/** Nobody but its users: whoever imports the kit gets no runner with it. */
export const nothingImportsTheDoorForJest: Rule = (modules) => offences(modules, (_, { target }) => target === 'testing/jest.ts');

const PAGE = 'console/page/';

/** It runs in browsers: what it needs of us is the client's, types included, and what draws is its own. The server never runs it. */
export const thePageStandsAlone: Rule = (modules) =>
  offences(modules, ({ path }, { specifier, target }) => {
    if (!path.startsWith(PAGE)) return target?.startsWith(PAGE) === true;
    if (target === undefined) return !PAGE_PACKAGES.some((name) => isOf(specifier, name));
    return !target.startsWith(PAGE) && target !== 'client/index.ts';
  });

const PAGE_PACKAGES = ['lit-html', 'uplot'];

export const featuresNeverImportEachOther: Rule = (modules) =>
  offences(modules, ({ path }, { target }) => {
    const [from, to] = [folderOf(path), folderOf(target ?? path)];
    return from !== to && FEATURES.has(from) && FEATURES.has(to);
  });

export const featuresReachSqlThroughRepositories: Rule = (modules) =>
  offences(modules, ({ path }, { specifier, target }) => {
    const reaches = target === undefined ? sdkFoldersOf(specifier)[0] : folderOf(target);
    return FEATURES.has(folderOf(path)) && reaches === 'database' && !isRepository(path);
  });

export const featuresReachModelsThroughTheGateway: Rule = (modules) =>
  offences(modules, ({ path }, { specifier }) => FEATURES.has(folderOf(path)) && sdkFoldersOf(specifier)[0] === 'llm');

export const everySdkHasOneFolder: Rule = (modules) =>
  offences(modules, ({ path }, { specifier, target }) => {
    if (target !== undefined || FRAMEWORK.some((name) => isOf(specifier, name))) return false;
    if (isOf(specifier, 'kysely') && isRepository(path)) return false;
    return !sdkFoldersOf(specifier).some((folder) => path.startsWith(`${folder}/`));
  });

/** A folder with an `index.ts` is entered through it alone, from wherever is outside of it; those directly under `src` all have one. */
export const foldersAreImportedThroughTheirIndex: Rule = (modules) => {
  const doors = new Set(modules.map(({ path }) => path).filter((path) => path.endsWith('/index.ts')));
  return offences(modules, ({ path }, { target, isTypeOnly }) => {
    if (target === undefined || SIDE_DOORS.some(({ from, opens }) => from === folderOf(path) && opens(target, isTypeOnly))) return false;
    const entered = foldersAround(target).filter((folder) => !path.startsWith(`${folder}/`));
    const guarded = entered.filter((folder) => !folder.includes('/') || doors.has(`${folder}/index.ts`));
    return guarded.some((folder) => target !== `${folder}/index.ts`);
  });
};

export const onlyAbortTouchesRawExchanges: Rule = (modules) =>
  modules.flatMap(({ path, rawUses }) => (folderOf(path) === 'abort' ? [] : rawUses.map((use) => `${path}: ${use}`)));

export const onlyConfigReadsTheEnvironment: Rule = (modules) =>
  modules.filter(({ path, readsEnvironment }) => readsEnvironment && folderOf(path) !== 'config').map(({ path }) => `${path}: process.env`);

function offences(modules: readonly SourceModule[], offends: (module: SourceModule, each: Import) => boolean): string[] {
  return modules.flatMap((module) =>
    module.imports.filter((each) => offends(module, each)).map(({ specifier }) => `${module.path}: imports ${specifier}`),
  );
}

/** `llm` for `llm/offline/index.ts`; the empty name for what lies in `src` itself. */
function folderOf(path: string): string {
  return path.includes('/') ? path.slice(0, path.indexOf('/')) : '';
}

/** From the outermost: `llm`, `llm/offline` for `llm/offline/index.ts`. */
function foldersAround(path: string): string[] {
  const folder = dirname(path);
  return folder === '.' ? [] : [...foldersAround(folder), folder];
}

function isForReact(path: string): boolean {
  return path.startsWith('client/react/');
}

function isRepository(path: string): boolean {
  return path.endsWith('.repository.ts');
}

/** Its own folder first; none for what is not in the table. */
function sdkFoldersOf(specifier: string): string[] {
  return SDK_FOLDERS.find(([sdk]) => isOf(specifier, sdk))?.slice(1) ?? [];
}

function isOf(specifier: string, name: string): boolean {
  return specifier === name || specifier.startsWith(/[:/]$/.test(name) ? name : `${name}/`);
}
