import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const root = new URL('../../', import.meta.url).pathname;

/** Changes whenever anything changes that a first start could depend on: the program, what it is made with, or how it is started. */
export function sourceHash(): string {
  const hash = createHash('sha256');
  const sources = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' }).filter(isProgram).sort();
  for (const path of [...sources.map((source) => join('src', source)), 'package-lock.json', 'test/support/test-app.ts']) {
    hash.update(`${path}\0`).update(readFileSync(join(root, path)));
  }
  return hash.digest('hex').slice(0, 16);
}

function isProgram(path: string): boolean {
  return path.endsWith('.ts') && !path.endsWith('.spec.ts');
}
