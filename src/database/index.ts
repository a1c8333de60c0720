export { Database, HeartbeatDatabase, ReservedDatabase, type Tx } from './database.js';
export { DatabaseStartError } from './database.errors.js';
export type { Listen, Listening } from './listener.js';
export { DatabaseModule } from './database.module.js';
export { QueryObserver, type QueryReport } from './query-observer.js';
export type { Row, Schema } from './schema.js';
