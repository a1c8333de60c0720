import { Module } from '@nestjs/common';
import { LlmModule } from '../llm/index.js';
import { HealthController } from './health.controller.js';
import { HealthRepository } from './health.repository.js';
import { ReadinessService } from './readiness.service.js';

@Module({ imports: [LlmModule], controllers: [HealthController], providers: [ReadinessService, HealthRepository] })
export class HealthModule {}
