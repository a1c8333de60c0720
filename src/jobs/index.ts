export type { JobKind, JobOrder, JobTask } from './job-kind.js';
export { Jobs } from './jobs.service.js';
export { JobsModule } from './jobs.module.js';
export { PgBossQueue } from './pg-boss-queue.js';
