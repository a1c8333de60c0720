export { useLatest } from './use-latest.js';
export { useTask } from './use-task.js';
export type { Task, TaskControls, TaskState, TaskProgress, TellingEvent } from './task-state.js';
