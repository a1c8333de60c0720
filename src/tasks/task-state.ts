/** `cancelling` is told, `cancelled` is stopped. */
export const TASK_STATES = ['queued', 'running', 'cancelling', 'completed', 'failed', 'cancelled'] as const;
export type TaskState = (typeof TASK_STATES)[number];

/**
 * `cancel`: somebody or something asks for the stop. `stop`: the work has stopped because it was told to. `lose`: its owner has not
 * renewed its lease. `requeue`: the owner gives back a task that others shall go on with.
 */
export const TASK_EVENTS = ['start', 'complete', 'fail', 'cancel', 'stop', 'requeue', 'lose'] as const;
export type TaskEvent = (typeof TASK_EVENTS)[number];

const TRANSITIONS: Readonly<Record<TaskState, Partial<Record<TaskEvent, TaskState>>>> = {
  queued: { start: 'running', cancel: 'cancelled' },
  running: { complete: 'completed', fail: 'failed', cancel: 'cancelling', requeue: 'queued', lose: 'failed' },
  // Nothing completes once it was told to stop: its result is not kept, so that nobody finds the quiz of a cancelled task.
  cancelling: { fail: 'failed', stop: 'cancelled', lose: 'cancelled' },
  completed: {},
  failed: {},
  cancelled: {},
};

/** The state after `event`, or `undefined` where the event is refused. Terminal states refuse everything. */
export function next(state: TaskState, event: TaskEvent): TaskState | undefined {
  return TRANSITIONS[state][event];
}

/** The states in which `event` is accepted: what a compare-and-set compares with. */
export function statesThatAccept(event: TaskEvent): TaskState[] {
  return TASK_STATES.filter((state) => next(state, event) !== undefined);
}

export function isTerminal(state: TaskState): boolean {
  return Object.keys(TRANSITIONS[state]).length === 0;
}
