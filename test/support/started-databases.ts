import { existsSync } from 'node:fs';
import { cp, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Client } from 'pg';
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

const NAME = 'hangup_started';
const LOCK = 4_868_170;

/**
 * A database as the app leaves it after its first start: with its tables, its queues, and the sample book. The first start happens once for
 * each state of the sources, and what is given are copies, since migrating and reading the book in takes longer than most tests.
 */
export function createStartedDatabase(firstStart: FirstStart): Promise<ScratchDatabase> {
  return administer(async (client) => {
    // Until the copy is made; released with the connection.
    await client.query('select pg_advisory_lock($1)', [LOCK]);
    const { rows } = await client.query<{ hash: string | null }>(
      "select shobj_description(oid, 'pg_database') as hash from pg_database where datname = $1",
      [NAME],
    );
    if (rows[0]?.hash !== sourceHash()) await makeDatabase(client, firstStart);
    return await createScratchDatabase(NAME);
  });
}

async function makeDatabase(client: Client, firstStart: FirstStart): Promise<void> {
  await client.query(`drop database if exists ${NAME} with (force)`);
  await client.query(`create database ${NAME}`);
  await firstStart({ databaseUrl: databaseUrl(NAME) });
  await client.query(`comment on database ${NAME} is '${sourceHash()}'`);
}

/** The same, embedded. */
export async function createStartedDirectory(firstStart: FirstStart): Promise<EmbeddedDirectory> {
  const started = `${emptyTemplate}-started-${sourceHash()}`;
  if (!existsSync(started)) await makeDirectory(started, firstStart);
  return await createEmbeddedDirectory(started);
}

async function makeDirectory(started: string, firstStart: FirstStart): Promise<void> {
  const { dataDir, remove } = await createEmbeddedDirectory();
  await firstStart({ dataDir });
  const draft = `${started}.${process.pid}`;
  await cp(join(dataDir, 'postgres'), draft, { recursive: true });
  await remove();
  // Another worker may have been quicker; either copy will do.
  await rename(draft, started).catch(() => rm(draft, { recursive: true }));
}
