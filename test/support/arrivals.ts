import type { NestFastifyApplication } from '@nestjs/platform-fastify';

export interface Arrived {
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
}

/** What has arrived at an app, whatever became of it; preflights are not counted. */
export class Arrivals {
  /** What a request that has arrived waits for before it is looked at. */
  before: ((arrived: Arrived) => Promise<void>) | undefined;
  readonly #arrived: Arrived[] = [];

  /** To be called before the app listens. */
  watch(app: NestFastifyApplication): void {
    app
      .getHttpAdapter()
      .getInstance()
      .addHook('onRequest', async (request) => {
        this.#arrived.push(request);
        await this.before?.(request);
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
