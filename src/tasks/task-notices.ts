import { Injectable } from '@nestjs/common';
import { Subject, type Observable } from 'rxjs';
import type { AbortCause } from '../abort/index.js';
import type { CancelStatus } from './cancel-answer.js';

/** What happens to tasks on this instance, for whoever counts. */
export type TaskNotice =
  | {
      readonly type: 'ended';
      readonly kind: string;
      readonly state: 'completed' | 'failed' | 'cancelled';
      readonly cause?: AbortCause;
      readonly stage?: string;
      /** Milliseconds from the abort to the moment when the last layer had stopped. */
      readonly stoppedMs?: number;
      readonly callsAvoided?: number;
      readonly zombies?: number;
    }
  | { readonly type: 'answered'; readonly status: CancelStatus }
  | { readonly type: 'honoured'; readonly kind: string; readonly by: 'id' | 'scope' }
  | { readonly type: 'reaped'; readonly kind: string; readonly state: 'queued' | 'failed' | 'cancelled' };

@Injectable()
export class TaskNotices {
  readonly #subject = new Subject<TaskNotice>();

  get stream(): Observable<TaskNotice> {
    return this.#subject;
  }

  tell(notice: TaskNotice): void {
    this.#subject.next(notice);
  }
}
