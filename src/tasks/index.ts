export { CancelBus } from './bus/index.js';
export { CANCEL_STATUSES, stoppedOf, type CancelAnswer, type CancelStatus } from './cancel-answer.js';
export { Cancels, type CancelOptions } from './cancels.service.js';
export { readIssue, scopeName, type Issue } from './issue.js';
export { Issuer, TaskIssue, type Issued } from './issue.decorator.js';
export { LiveTasks, type Progress } from './live-tasks.js';
export { stageName } from './stage-tally.js';
export { Sweep } from './sweep.service.js';
export { stageNameIn } from './tasks.repository.js';
export { JOB_PROBLEMS, TASK_PROBLEMS } from './task-problems.js';
export { TaskNotices, type TaskNotice } from './task-notices.js';
export { TASK_STATES, type TaskState } from './task-state.js';
export type { Claim, Receipt, TaskKey, TaskRow, TaskView } from './task.js';
export { cancelledProject, projectIdParam } from './tasks.dto.js';
export { TaskHistory } from './history.service.js';
export { TaskItems, type Item, type ItemCounts } from './task-items.js';
export { TaskItemsRepository, type NewItem, type ItemRow, type ItemHead } from './task-items.repository.js';
export { TaskQueue, type QueuedTask } from './task-queue.js';
export type { TaskFailure } from './task-failure.js';
export { TasksModule } from './tasks.module.js';
export { taskIdParam } from './tasks.dto.js';
export { OwnerBusyError, type JobHandle, type Outcome, type TaskHandle, type TaskSpec } from './task-spec.js';
export { TaskStreams } from './task-streams.service.js';
export { Tasks } from './tasks.service.js';
export {
  EventLog,
  EventWriter,
  isAfter,
  taskEnd,
  taskEvent,
  type EventPosition,
  type LoggedEvent,
  type TaskEnd,
  type TaskEvent,
} from './events/index.js';
export { LastEventId } from './last-event-id.decorator.js';
