import { Module } from '@nestjs/common';
import { ResourcesController } from './resources.controller.js';
import { ResourcesRepository } from './resources.repository.js';
import { Resources } from './resources.service.js';

@Module({
  controllers: [ResourcesController],
  providers: [Resources, ResourcesRepository],
})
export class AnalysesModule {}
