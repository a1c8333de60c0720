export { Database } from './database.js';
export { DatabaseStartError } from './database.errors.js';
export { DatabaseModule } from './database.module.js';
export { QueryObserver, type QueryReport } from './query-observer.js';
export type { Schema } from './schema.js';
