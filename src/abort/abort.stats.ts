import { Injectable } from '@nestjs/common';

/** Counts since the process started, for metrics. */
@Injectable()
export class AbortStats {
  /** Requests whose client left before the answer, and whose work was told so. */
  disconnects = 0;
  /** Layers that ignored their signal. */
  zombies = 0;
}
