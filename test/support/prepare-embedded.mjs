import { existsSync } from 'node:fs';
import { mkdir, readFile, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { PGlite } from '@electric-sql/pglite';
import { vector } from '@electric-sql/pglite-pgvector';

const root = new URL('../../', import.meta.url);
const { version } = JSON.parse(await readFile(new URL('node_modules/@electric-sql/pglite/package.json', root), 'utf8'));

/** An initialised embedded database. Making one takes seconds; tests copy this one. */
export const template = new URL(`node_modules/.cache/hangup/pglite-${version}`, root).pathname;

export default async function prepareEmbedded() {
  if (existsSync(template)) return;
  const draft = `${template}.${process.pid}`;
  await mkdir(dirname(template), { recursive: true });
  const lite = await PGlite.create(draft, { extensions: { vector } });
  await lite.close();
  // Another run may have been quicker; either copy will do.
  await rename(draft, template).catch(() => rm(draft, { recursive: true }));
}
