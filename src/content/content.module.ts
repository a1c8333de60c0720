import { Module } from '@nestjs/common';
import { LlmModule } from '../llm/index.js';
import { ContentRepository } from './content.repository.js';
import { PassageIndexService } from './passage-index.service.js';
import { Retriever } from './retriever.service.js';

/** Books, chapters and passages: what the features teach from, and how they find it. */
@Module({
  imports: [LlmModule],
  providers: [ContentRepository, PassageIndexService, Retriever],
  exports: [ContentRepository, Retriever],
})
export class ContentModule {}
