import { Injectable } from '@nestjs/common';
import type { VanishedBy } from './watched-connection.js';

/** Counts since the process started, for metrics. */
@Injectable()
export class AbortStats {
  /** Requests whose client left before the answer, and whose work was told so. */
  disconnects = 0;
  /** Layers that ignored their signal. */
  zombies = 0;
  /** Connections of clients that vanished with a request open, by how that was noticed. */
  readonly vanished: Record<VanishedBy, number> = { keep_alive: 0, unacknowledged: 0, unread: 0 };
}
