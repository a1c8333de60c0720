import { Injectable } from '@nestjs/common';
import { AbortContext } from '../abort/index.js';
import { Models } from '../llm/index.js';
import { CancelBus, Tasks } from '../tasks/index.js';
import type { BusComponent, Component, Readiness } from './health.dto.js';
import { HealthRepository } from './health.repository.js';

const LONGEST_CHECK_MS = 2000;

const BUSES: Record<CancelBus['kind'], string> = {
  'in-process': 'within this process',
  redis: 'Redis Pub/Sub',
  postgres: 'PostgreSQL LISTEN/NOTIFY',
};

/** Says whether work would go through, and what it would run on. */
@Injectable()
export class ReadinessService {
  constructor(
    private readonly context: AbortContext,
    private readonly database: HealthRepository,
    private readonly models: Models,
    private readonly bus: CancelBus,
    private readonly tasks: Tasks,
  ) {}

  async check(): Promise<Readiness> {
    const database = await this.#database();
    const draining = this.tasks.isDraining;
    const status = draining ? 'draining' : database.status === 'ok' ? 'ok' : 'down';
    return { status, draining, database, bus: this.#bus(), model: { status: 'ok', what: this.models.description } };
  }

  async #database(): Promise<Component> {
    const what = this.database.description;
    try {
      await this.context.shield(() => this.database.ping(), { timeout: LONGEST_CHECK_MS });
      return { status: 'ok', what };
    } catch (error) {
      return { status: 'down', what: `${what}: ${error instanceof Error ? error.message : String(error)}` };
    }
  }

  /** Never a reason to be unready: without it a cancel from another instance only takes a heartbeat longer. */
  #bus(): BusComponent {
    const { kind, state } = this.bus;
    if (state === 'up') return { status: 'ok', what: BUSES[kind], kind, state };
    return { status: 'degraded', what: `${BUSES[kind]}: not reachable, cancels arrive with the next heartbeat`, kind, state };
  }
}
