import { DatabaseEventLog } from './database-event-log.js';
import type { EventLimits } from './event-limits.js';
import type { EventLog } from './event-log.js';
import { RedisEventLog } from './redis-event-log.js';
import type { TaskEventsRepository } from './task-events.repository.js';

/** Redis where one is configured, else the database. */
export function openEventLog(redisUrl: string | undefined, events: TaskEventsRepository, limits: EventLimits): EventLog {
  return redisUrl === undefined ? new DatabaseEventLog(events, limits) : new RedisEventLog(redisUrl, limits);
}
