export type { EventLimits } from './event-limits.js';
export { EventLog, type LoggedEvent } from './event-log.js';
export { EventWriter, type EventWriterOptions } from './event-writer.js';
export { openEventLog } from './open-event-log.js';
export { isAfter, type EventPosition, type TaskEvent } from './task-event.js';
export { TaskEventsRepository } from './task-events.repository.js';
