import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { buildSync } from 'esbuild';
import { publint } from 'publint';
import { TokenVerifier } from '../../src/auth/index.js';
import { buildPackages } from '../../src/packaging/build-packages.js';
import { Gate } from '../../src/testing/index.js';
import { Consumer, execute, npm, ROOT, tsc, versionsOf } from '../support/consumer.js';
import { startTestApp } from '../support/test-app.js';

const NAMES = ['abort', 'client', 'testing'] as const;
type Name = (typeof NAMES)[number];

const NODE = { lib: ['es2024'], types: ['node'] };
const BROWSER = { lib: ['es2024', 'dom', 'dom.asynciterable'], types: [] };

const NEST_11 = {
  '@nestjs/common': '11.2.10',
  '@nestjs/core': '11.2.10',
  '@nestjs/platform-fastify': '11.2.8',
  '@nestjs/platform-express': '11.2.10',
};

let scratch: string;
let tarballs: Record<Name, string>;
let nest12: Consumer;
let nest11: Consumer;
let page: Consumer;
let tests: Consumer;

beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'hangup-packages-'));
  const [abort, client, testing] = await Promise.all((await buildPackages(scratch)).map(pack));
  tarballs = { abort: abort!, client: client!, testing: testing! };
  [nest12, nest11, page, tests] = await Promise.all([
    nestApp('nest-12', versionsOf('@nestjs/common', '@nestjs/core', '@nestjs/platform-fastify', '@nestjs/platform-express')),
    nestApp('nest-11', NEST_11),
    Consumer.create(join(scratch, 'page'), {
      sources: 'client',
      dependencies: { '@hangup/client': tarballs.client, ...versionsOf('react', 'react-dom', '@types/react', '@types/react-dom') },
      compilerOptions: BROWSER,
    }),
    Consumer.create(join(scratch, 'tests'), {
      sources: 'testing',
      dependencies: { '@hangup/testing': tarballs.testing, ...versionsOf('jest', '@jest/globals', '@types/node') },
      manifest: { jest: { transform: {}, testMatch: ['**/*.test.js'] } },
      compilerOptions: NODE,
    }),
  ]);
}, 180_000);

afterAll(() => rm(scratch, { recursive: true }));

async function pack(folder: string): Promise<string> {
  return join(scratch, (await npm(folder, 'pack', '--silent', '--pack-destination', scratch)).trim());
}

function nestApp(name: string, nest: Readonly<Record<string, string>>): Promise<Consumer> {
  const others = { ...versionsOf('rxjs', 'reflect-metadata', '@types/node'), '@types/express': '5.0.6' };
  const dependencies = { '@hangup/abort': tarballs.abort, ...nest, ...others };
  return Consumer.create(join(scratch, name), { sources: 'abort', dependencies, compilerOptions: NODE });
}

describe.each(NAMES)('The tarball of @hangup/%s', (name) => {
  it('has nothing to complain about, neither for publint nor for arethetypeswrong', async () => {
    const tarball = await readFile(tarballs[name]);
    const { messages } = await publint({ pack: { tarball: new Uint8Array(tarball).buffer }, strict: true });
    expect(messages).toEqual([]);
    await execute(ROOT, process.execPath, 'node_modules/@arethetypeswrong/cli/dist/index.js', tarballs[name], '--profile', 'esm-only');
  });

  it('is what the tree compiles to, its licence and what it says of itself, and nothing else', async () => {
    const listed = (await execute(scratch, 'tar', '-tzf', tarballs[name])).trim().split('\n');
    const isCompiled = (path: string): boolean => /^package\/lib\/.*\.(?:js|d\.ts)$/.test(path) && !path.includes('.spec.');
    expect(listed.filter((path) => !isCompiled(path)).sort()).toEqual(['package/LICENSE', 'package/README.md', 'package/package.json']);
  });
});

const NEVER_WITH_ABORT = /^(?:@langchain\/.*|langchain|@electric-sql\/.*|pg|pg-.*|kysely|zod|ioredis|openai|@hangup\/(?!abort$).*)$/;
const STOPPED = ['fastify', 'express'].flatMap((platform) =>
  ['forRoot', 'forRootAsync'].map((how) => ({
    platform,
    how,
    zombieAfterMs: 1234,
    abortedBefore: false,
    reason: 'client_disconnected',
    isReason: true,
    refused: 'client_disconnected',
    disconnects: 1,
    answerAborted: false,
    errors: [],
  })),
);

describe('@hangup/abort in an app that has nothing else of Hangup', () => {
  it('brings no other package', async () => {
    for (const app of [nest12, nest11]) {
      expect((await app.installed()).filter((name) => NEVER_WITH_ABORT.test(name))).toEqual([]);
    }
  });

  it('stops what a client hangs up on, and nothing that was answered: Nest 12, each platform, however it is mounted', async () => {
    await nest12.takeExamples('@hangup/abort', 'readme.ts');
    await Promise.all([nest12.compile('nodenext'), nest12.compile('bundler')]);
    expect(await nest12.run('app.js')).toEqual(STOPPED);
  }, 60_000);

  it('does so with Nest 11, imported and required', async () => {
    await nest11.copyToCommonJs('app.ts');
    await nest11.compile('nodenext');
    expect(await nest11.run('app.js')).toEqual(STOPPED);
    expect(await readFile(join(nest11.folder, 'commonjs/app.js'), 'utf8')).toContain('require("@hangup/abort")');
    expect(await nest11.run('commonjs/app.js')).toEqual(STOPPED);
  }, 60_000);
});

describe('@hangup/client in an app', () => {
  beforeAll(async () => {
    await page.takeExamples('@hangup/client', 'readme.ts');
    await Promise.all([page.compile('nodenext'), page.compile('bundler')]);
  }, 60_000);

  it('depends on nothing', async () => {
    const manifest = JSON.parse(await readFile(join(scratch, 'client/package.json'), 'utf8')) as object;
    expect(manifest).not.toHaveProperty('dependencies');
    expect(manifest).toHaveProperty('peerDependenciesMeta', { react: { optional: true } });
  });

  it('makes a quiz, and cancels another in the middle of it', async () => {
    const server = await startTestApp();
    server.model.script(({ request }) => JSON.stringify(request).includes('\\"question_count\\":10'), { holdAfter: 300, gate: new Gate() });
    const [seen] = await page.run('app.js', server.url, await server.app.get(TokenVerifier).issue('learner'));
    expect(seen).toMatchObject({ questions: [expect.any(String), expect.any(String)], stopped: { status: 'cancelled' } });
    expect(server.model.journal.at(-1)).toMatchObject({ purpose: 'quiz', outcome: 'client_closed' });
    await server.close();
  }, 60_000);

  it('has hooks for the React that is there', async () => {
    expect(await execute(page.folder, process.execPath, 'component.js')).toBe('<p>idle</p>\n');
  });

  it.each(['@hangup/client', '@hangup/client/react'])('goes into a browser without anything else: %s', (entry) => {
    const { outputFiles, metafile } = buildSync({
      stdin: { contents: `export * from '${entry}'`, resolveDir: page.folder },
      bundle: true,
      minify: true,
      metafile: true,
      write: false,
      platform: 'browser',
      format: 'esm',
      external: ['react'],
    });
    const inputs = Object.keys(metafile.inputs).filter((path) => path !== '<stdin>');
    expect(inputs.filter((path) => !path.includes('/node_modules/@hangup/client/'))).toEqual([]);
    process.stdout.write(`${entry}: ${gzipSync(outputFiles[0]!.contents).length} bytes, minified and gzipped\n`);
  });

  it('has the very types that the server has', async () => {
    const lib = join(page.folder, 'node_modules/@hangup/client/lib/client');
    const paths = { '@hangup/client': [join(lib, 'index.d.ts')], '@hangup/client/react': [join(lib, 'react/index.d.ts')] };
    const compilerOptions = { noEmit: true, rootDir: '/', typeRoots: [join(ROOT, 'node_modules/@types')], paths };
    const files = [join(ROOT, 'test/consumers/same-types.ts')];
    const project = join(scratch, 'same-types.json');
    await writeFile(project, JSON.stringify({ extends: join(ROOT, 'tsconfig.json'), compilerOptions, files, include: [], exclude: [] }));
    await tsc(project);
  }, 60_000);
});

describe('@hangup/testing in a project with Jest', () => {
  it('says in types what it has, and its example passes', async () => {
    await tests.takeExamples('@hangup/testing', 'readme.test.ts');
    await Promise.all([tests.compile('nodenext'), tests.compile('bundler')]);
    await execute(tests.folder, process.execPath, '--experimental-vm-modules', 'node_modules/jest/bin/jest.js');
  }, 60_000);
});
