import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { SocketClient } from '../../src/testing/index.js';
import { BuiltApp } from '../support/built-app.js';

const MEMORY = { DATA_DIR: 'memory://', PORT: '0', LOG_LEVEL: 'info' };

describe('the program', () => {
  let built: BuiltApp;

  beforeAll(async () => {
    built = await BuiltApp.build();
  }, 60_000);
  afterAll(() => built.remove());

  /** Starts what cannot start, and expects one line about it on standard error. */
  async function expectRefusal(env: Record<string, string>): Promise<string> {
    const run = built.start({ ...MEMORY, ...env });
    expect(await run.ended()).toBe(1);
    expect(run.stderr).toMatch(/^hangup: [^\n]+\n$/);
    return run.stderr;
  }

  it('says in one line which variable has a bad value, and exits with 1', async () => {
    expect(await expectRefusal({ PORT: 'abc' })).toBe('hangup: PORT must be a whole number (it is "abc")\n');
  });

  it('says in one line that the database does not answer, without its credentials', async () => {
    const port = await freePort();
    const line = await expectRefusal({ DATABASE_URL: `postgres://me:hunter2@127.0.0.1:${port}/hangup` });
    expect(line).toContain(`DATABASE_URL does not answer at 127.0.0.1:${port}: `);
    expect(line).not.toContain('hunter2');
  });

  it('says in one line that its port is taken', async () => {
    const squatter = createServer().listen(0, '127.0.0.1');
    await once(squatter, 'listening');
    const { port } = squatter.address() as AddressInfo;
    expect(await expectRefusal({ PORT: String(port) })).toMatch(new RegExp(`address already in use 127\\.0\\.0\\.1:${port}\n`));
    squatter.close();
  });

  it('says in one line that its host is not a machine', async () => {
    expect(await expectRefusal({ HOST: 'no-such-host.invalid' })).toContain('no-such-host.invalid');
  });

  it('says in one line that it cannot tell people apart in production', async () => {
    expect(await expectRefusal({ NODE_ENV: 'production' })).toContain('JWT_SECRET or JWKS_URL must be set');
  });

  it('says in one line that its file of prices is none', async () => {
    expect(await expectRefusal({ PRICES_FILE: '/nowhere/prices.json' })).toContain('PRICES_FILE must name a file like ');
  });

  it('says in one line that a model is of no provider it knows', async () => {
    expect(await expectRefusal({ LLM_MODEL: 'nobody:nothing' })).toContain('LLM_MODEL nobody:nothing cannot be opened: ');
  });

  it('says where it is, what it runs on and what to paste; the token works; it ends with 0 when told to leave', async () => {
    const run = built.start(MEMORY);
    const [, url = ''] = await run.says(/Hangup is up at (http:\/\/127\.0\.0\.1:[1-9]\d*) /);
    const [, target, token = '', body = ''] = await run.says(/curl -s (\S+) -H "Authorization: Bearer (\S+)" .*-d '(.*)'/);
    expect(target).toBe(`${url}/api/quizzes/generate`);
    expect(JSON.parse(body)).toMatchObject({ book_id: 1, chapter_id: 101 });
    expect(run.stdout).toMatch(/database {2}embedded PostgreSQL \(PGlite\) in memory\n/);
    expect(run.stdout).toMatch(/model {5}built-in offline model/);
    expect(run.stdout).toContain(`console   ${url}/console#token=${token}\n`);
    const client = new SocketClient(url, { authorization: `Bearer ${token}` });
    const answer = await client.get('/api/books').answer;
    client.close();
    expect(answer?.json()).toEqual({ books: [expect.objectContaining({ id: 1, chapters: 5 })] });
    expect(await run.stop('SIGTERM')).toBe(0);
    expect(run.stderr).toBe('');
  });

  it('prints no token where the secret is not its own', async () => {
    const run = built.start({ ...MEMORY, JWT_SECRET: 'a secret of the operator that is long enough' });
    await run.says(/Bearer \$TOKEN/);
    expect(run.stdout).not.toMatch(/eyJ/);
    expect(run.stdout).toMatch(/console {3}http:\S+\/console\n/);
    expect(await run.stop('SIGTERM')).toBe(0);
  });
});

/** A port that nobody listens on: it was given out a moment ago and handed back. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
