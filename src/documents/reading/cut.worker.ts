import { registerHooks } from 'node:module';
import { parentPort, workerData } from 'node:worker_threads';
import type { PageText } from './chunk-text.js';

// As the thread of a document: run as it is written, or as the build has made it.
if (import.meta.url.endsWith('.ts')) {
  registerHooks({
    resolve: (name, context, next) => next(context.parentURL?.endsWith('.ts') ? name.replace(/^(\..*)\.js$/, '$1.ts') : name, context),
  });
}
const { chunkText } = await import('./chunk-text.js');

parentPort?.postMessage(chunkText(workerData as readonly PageText[]));
