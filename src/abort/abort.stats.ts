import { Injectable } from '@nestjs/common';

/** Counts since the process started, for metrics. */
@Injectable()
export class AbortStats {
  /** Requests whose client left before the answer. */
  disconnects = 0;
  /** Layers that ignored their signal. */
  zombies = 0;
}
