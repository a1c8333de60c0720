import type { TaskPage, UsageReport } from '../../client/index.js';

export type { UsageReport } from '../../client/index.js';
export type Task = TaskPage['tasks'][number];
export type TaskState = Task['state'];
export type Receipt = NonNullable<Task['receipt']>;
export type Layer = Receipt['layers'][number];
export type Amounts = UsageReport['spent'];

const LIVE: ReadonlySet<TaskState> = new Set(['queued', 'running', 'cancelling']);
/** Kinds that live in the request of a client: there is nobody to go on for. All others are jobs. */
const OF_REQUESTS = new Set(['quiz_generation', 'answer_validation', 'chat_reply']);

export function isLive({ state }: Pick<Task, 'state'>): boolean {
  return LIVE.has(state);
}

/** May it be told to stop? What is cancelling has been. */
export function isStoppable({ state }: Pick<Task, 'state'>): boolean {
  return state === 'queued' || state === 'running';
}

export function isResumable({ kind, state }: Pick<Task, 'kind' | 'state'>): boolean {
  return (state === 'cancelled' || state === 'failed') && !OF_REQUESTS.has(kind);
}
