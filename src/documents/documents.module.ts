import { Module } from '@nestjs/common';
import { BlobsModule } from '../blobs/index.js';
import { LlmModule } from '../llm/index.js';
import { CatalogueRepository } from './catalogue.repository.js';
import { Cataloguer } from './cataloguer.service.js';
import { ChunkEmbedder } from './chunk-embedder.service.js';
import { Classifier } from './classifier.service.js';
import { DocumentIngestion } from './document-ingestion.job.js';
import { DocumentPipeline } from './document-pipeline.service.js';
import { DocumentReclassification } from './document-reclassification.job.js';
import { DocumentSweep } from './document-sweep.service.js';
import { DocumentTextsRepository } from './document-texts.repository.js';
import { DocumentsController } from './documents.controller.js';
import { DocumentsRepository } from './documents.repository.js';
import { DocumentsService } from './documents.service.js';
import { IngestionService } from './ingestion.service.js';
import { PageTexts } from './page-texts.service.js';
import { PdfReader, TextCutter } from './reading/index.js';
import { Uploads } from './uploads.service.js';

/** From uploaded files to books: read, classified, embedded and catalogued in the background. */
@Module({
  imports: [BlobsModule, LlmModule],
  controllers: [DocumentsController],
  providers: [
    Uploads,
    IngestionService,
    DocumentsService,
    DocumentIngestion,
    DocumentReclassification,
    DocumentPipeline,
    PageTexts,
    PdfReader,
    TextCutter,
    Classifier,
    ChunkEmbedder,
    Cataloguer,
    DocumentSweep,
    DocumentsRepository,
    DocumentTextsRepository,
    CatalogueRepository,
  ],
})
export class DocumentsModule {}
