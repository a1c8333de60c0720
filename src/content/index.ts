export { BookRemovalRepository } from './book-removal.repository.js';
export { ContentModule } from './content.module.js';
export { ContentRepository, type ChapterContext, type Passage } from './content.repository.js';
export { Retriever, type Retrieval } from './retriever.service.js';
