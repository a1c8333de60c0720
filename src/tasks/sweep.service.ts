import { Inject, Injectable } from '@nestjs/common';
import { AbortContext } from '../abort/index.js';
import { PeriodicSweep } from '../sweeps/index.js';
import { CancelsRepository } from './cancels.repository.js';
import { EventLog } from './events/index.js';
import { TASK_SETTINGS, type TaskSettings } from './task-settings.js';
import { SWEPT_AT_ONCE, TasksRepository } from './tasks.repository.js';

/** Forgets marks that have expired, tasks that ended longer ago than history is kept, and what was told too long ago. In batches: nothing waits behind it. */
@Injectable()
export class Sweep extends PeriodicSweep {
  constructor(
    @Inject(TASK_SETTINGS) private readonly settings: TaskSettings,
    context: AbortContext,
    private readonly cancels: CancelsRepository,
    private readonly tasks: TasksRepository,
    private readonly events: EventLog,
  ) {
    super(context, { place: 'Tasks', what: 'history' });
  }

  protected async sweep(): Promise<void> {
    await this.cancels.forgetMarks();
    while (!this.isOver && (await this.tasks.forget(this.settings.retentionDays)) === SWEPT_AT_ONCE);
    await this.events.sweep();
  }
}
