import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { cp, readdir, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { administer, createScratchDatabase, databaseUrl, type ScratchDatabase } from './backends.js';
import { createEmbeddedDirectory, type EmbeddedDirectory } from './embedded.js';
import { template as emptyTemplate } from './prepare-embedded.mjs';
import { sourceHash } from './source-hash.js';

/** Starts the app for the first time on an empty database, and ends it. */
export type FirstStart = (where: Where) => Promise<void>;

export interface Where {
  readonly databaseUrl?: string;
  readonly dataDir?: string;
}

const root = new URL('../../', import.meta.url).pathname;
/** Of this checkout, so that two of them can run tests at once. */
const NAME = `hangup_started_${createHash('sha256').update(root).digest('hex').slice(0, 12)}`;
const LOCK = 4_868_170;

/**
 * A database as the app leaves it after its first start: with its tables, its queues, and the sample book. The first start happens once for
 * each state of the sources, and what is given are copies, since migrating and reading the book in takes longer than most tests.
 */
export async function createStartedDatabase(firstStart: FirstStart): Promise<ScratchDatabase> {
  await administer(async (client) => {
    // Released with the connection.
    await client.query('select pg_advisory_lock($1)', [LOCK]);
    const { rows } = await client.query<{ hash: string | null }>(
      "select shobj_description(oid, 'pg_database') as hash from pg_database where datname = $1",
      [NAME],
    );
    const hash = sourceHash();
    if (rows[0]?.hash === hash) return;
    await client.query(`drop database if exists ${NAME} with (force)`);
    await client.query(`create database ${NAME}`);
    await firstStart({ databaseUrl: databaseUrl(NAME) });
    await client.query(`comment on database ${NAME} is '${hash}'`);
  });
  return await createScratchDatabase(NAME);
}

/** The same, embedded. */
export async function createStartedDirectory(firstStart: FirstStart): Promise<EmbeddedDirectory> {
  const started = join(dirname(emptyTemplate), `${basename(emptyTemplate)}-started-${sourceHash()}`);
  if (!existsSync(started)) await makeDirectory(started, firstStart);
  return await createEmbeddedDirectory(started);
}

async function makeDirectory(started: string, firstStart: FirstStart): Promise<void> {
  const { dataDir, remove } = await createEmbeddedDirectory();
  await firstStart({ dataDir });
  const cache = dirname(started);
  for (const name of await readdir(cache)) if (name.includes('-started-')) await rm(join(cache, name), { recursive: true, force: true });
  const draft = join(cache, `draft.${process.pid}`);
  await cp(join(dataDir, 'postgres'), draft, { recursive: true });
  await remove();
  // Another worker may have been quicker; either copy will do.
  await rename(draft, started).catch(() => rm(draft, { recursive: true }));
}
