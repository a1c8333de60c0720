/** What the benchmark adds on the wire so that it can tell whose call is whose: from client to app, and from app to model. */
export const QUIZ_HEADER = 'x-bench-quiz';
export const TASK_HEADER = 'x-bench-task';
