import { Module } from '@nestjs/common';
import { LlmModule } from '../llm/index.js';
import { BookRemovalRepository } from './book-removal.repository.js';
import { ContentRepository } from './content.repository.js';
import { PassageIndexService } from './passage-index.service.js';
import { Retriever } from './retriever.service.js';

/** Books, chapters and passages: what the features teach from, and how they find it. */
@Module({
  imports: [LlmModule],
  providers: [ContentRepository, BookRemovalRepository, PassageIndexService, Retriever],
  exports: [ContentRepository, BookRemovalRepository, Retriever],
})
export class ContentModule {}
