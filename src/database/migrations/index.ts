import type { Migration } from 'kysely/migration';
import * as quizBackend from './0001-quiz-backend.js';
import * as tasks from './0002-tasks.js';
import * as chat from './0003-chat.js';
import * as jobs from './0004-jobs.js';
import * as usage from './0005-usage.js';
import * as events from './0006-events.js';

/** In order of their names. A migration that has run anywhere is never changed; it only ever expands the schema. */
export const migrations: Record<string, Migration> = {
  '0001-quiz-backend': quizBackend,
  '0002-tasks': tasks,
  '0003-chat': chat,
  '0004-jobs': jobs,
  '0005-usage': usage,
  '0006-events': events,
};
