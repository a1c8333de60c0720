import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { template } from './prepare-embedded.mjs';

/** A data directory with an initialised and empty embedded database in it. */
export interface EmbeddedDirectory {
  readonly dataDir: string;
  remove(): Promise<void>;
}

/** A copy of the template that the whole run prepared: a start takes a third of a second instead of four. */
export async function createEmbeddedDirectory(): Promise<EmbeddedDirectory> {
  const dataDir = await mkdtemp(join(tmpdir(), 'hangup-test-'));
  await cp(template, join(dataDir, 'postgres'), { recursive: true });
  return { dataDir, remove: () => rm(dataDir, { recursive: true }) };
}
