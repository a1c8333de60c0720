import { join } from 'node:path/posix';
import { buildPackages } from './build-packages.js';
import { ROOT } from './source-tree.js';

/** `npm run build:packages`: what of this tree is for other people's apps, as packages to be published from `dist/packages`. */
for (const folder of await buildPackages(join(ROOT, 'dist/packages'))) process.stdout.write(`${folder}\n`);
