import { Injectable } from '@nestjs/common';
import { AbortContext } from '../abort/index.js';
import { Models } from '../llm/index.js';
import type { Component, Readiness } from './health.dto.js';
import { HealthRepository } from './health.repository.js';

const LONGEST_CHECK_MS = 2000;

/** Says whether work would go through, and what it would run on. */
@Injectable()
export class ReadinessService {
  constructor(
    private readonly context: AbortContext,
    private readonly database: HealthRepository,
    private readonly models: Models,
  ) {}

  async check(): Promise<Readiness> {
    const database = await this.#database();
    const model: Component = { status: 'ok', what: this.models.description };
    return { status: database.status, database, model };
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
}
