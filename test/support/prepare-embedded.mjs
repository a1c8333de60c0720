import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { PGlite } from '@electric-sql/pglite';
import { vector } from '@electric-sql/pglite-pgvector';

const root = new URL('../../', import.meta.url);
const { version } = JSON.parse(await readFile(new URL('node_modules/@electric-sql/pglite/package.json', root), 'utf8'));
const DAY_MS = 86_400_000;

/** An initialised embedded database. Making one takes seconds; tests copy this one. */
export const template = new URL(`node_modules/.cache/hangup/pglite-${version}`, root).pathname;

export default async function prepareEmbedded() {
  await mkdir(dirname(template), { recursive: true });
  await removeOld();
  if (existsSync(template)) return;
  const draft = `${template}.${process.pid}`;
  const lite = await PGlite.create(draft, { extensions: { vector } });
  await lite.close();
  // Another run may have been quicker; either copy will do.
  await rename(draft, template).catch(() => rm(draft, { recursive: true }));
}

/** What is made of the template for each state of the sources, and drafts of runs that were killed. Nothing that a run of today uses. */
async function removeOld() {
  const cache = dirname(template);
  for (const name of await readdir(cache)) {
    const path = join(cache, name);
    const { mtimeMs } = await stat(path).catch(() => ({ mtimeMs: Date.now() }));
    if (name !== basename(template) && Date.now() - mtimeMs > DAY_MS) await rm(path, { recursive: true, force: true });
  }
}
