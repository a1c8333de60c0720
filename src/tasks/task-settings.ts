import type { TasksConfig } from '../config/index.js';

/** The times that tasks live by, and who this instance is: unique to the process, so that a restart is somebody else. */
export type TaskSettings = TasksConfig & { readonly instanceId: string };

export const TASK_SETTINGS = Symbol('TASK_SETTINGS');
