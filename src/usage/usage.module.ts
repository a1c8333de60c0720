import { Module } from '@nestjs/common';
import { LlmModule } from '../llm/index.js';
import { UsageController } from './usage.controller.js';
import { UsageRepository } from './usage.repository.js';
import { UsageService } from './usage.service.js';

/** What was spent, wasted and saved: reads over the ledger. */
@Module({ imports: [LlmModule], controllers: [UsageController], providers: [UsageService, UsageRepository] })
export class UsageModule {}
