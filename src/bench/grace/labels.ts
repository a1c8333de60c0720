/** On each call to the model: for which task it is made. */
export const TASK_HEADER = 'x-bench-task';
