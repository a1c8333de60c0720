import { Injectable } from '@nestjs/common';
import { AbortContext } from '../abort/index.js';
import { Llm } from '../llm/index.js';
import { documentClassification, tidyClassification } from './classification.js';
import { DocumentTextsRepository } from './document-texts.repository.js';
import { DocumentsRepository, type DocumentRow } from './documents.repository.js';
import { classifyDocumentPrompt } from './prompts.js';

/** Has the model say what a document is: its language, level, subject and chapters. One LLM call. */
@Injectable()
export class Classifier {
  constructor(
    private readonly context: AbortContext,
    private readonly documents: DocumentsRepository,
    private readonly texts: DocumentTextsRepository,
    private readonly llm: Llm,
  ) {}

  async classify({ id, name }: DocumentRow, stage: string): Promise<void> {
    await this.context.stage(`${stage} classify`, async () => {
      const pages = await this.texts.pages(id);
      const messages = await classifyDocumentPrompt({ name, pages });
      const said = await this.llm.structured({ messages, name: 'document_classification', schema: documentClassification });
      await this.documents.setClassified(id, tidyClassification(said, pages.length));
    });
  }
}
