import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { template } from './prepare-embedded.mjs';

/** A data directory with an initialised and empty embedded database in it. */
export interface EmbeddedDirectory {
  readonly dataDir: string;
  remove(): Promise<void>;
}

/** A copy of an embedded database: of the one without anything in it that the whole run prepared, unless another one is asked for. */
export async function createEmbeddedDirectory(from = template): Promise<EmbeddedDirectory> {
  const dataDir = await mkdtemp(join(tmpdir(), 'hangup-test-'));
  await cp(from, join(dataDir, 'postgres'), { recursive: true });
  return { dataDir, remove: () => rm(dataDir, { recursive: true }) };
}
