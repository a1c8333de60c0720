import { Module } from '@nestjs/common';
import { LlmModule } from '../llm/index.js';
import { AnalysesController } from './analyses.controller.js';
import { AnalysesRepository } from './analyses.repository.js';
import { Analyses } from './analyses.service.js';
import { AnalysisJob } from './analysis.job.js';
import { ResourcesController } from './resources.controller.js';
import { ResourcesRepository } from './resources.repository.js';
import { Resources } from './resources.service.js';

@Module({
  imports: [LlmModule],
  controllers: [ResourcesController, AnalysesController],
  providers: [Resources, ResourcesRepository, Analyses, AnalysisJob, AnalysesRepository],
})
export class AnalysesModule {}
