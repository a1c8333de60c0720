import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { Gate } from '../../src/testing/index.js';

interface Arrived {
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
}

/** What has arrived at an app, whatever became of it; preflights are not counted. */
export class Arrivals {
  /** Whoever asks for a task waits here. */
  door: Gate | undefined;
  readonly #arrived: Arrived[] = [];

  /** To be called before the app listens. */
  watch(app: NestFastifyApplication): void {
    app
      .getHttpAdapter()
      .getInstance()
      .addHook('onRequest', async (request) => {
        this.#arrived.push(request);
        if (request.headers['x-task-id'] !== undefined) await this.door?.wait();
      });
  }

  /** How often a task was asked for. */
  asks(id: string): number {
    return this.#arrived.filter(({ headers }) => headers['x-task-id'] === id).length;
  }

  cancels(id: string): number {
    return this.#arrived.filter(({ method, url }) => method === 'POST' && url === `/api/tasks/${id}/cancel`).length;
  }
}
