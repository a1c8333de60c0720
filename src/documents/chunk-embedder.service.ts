import { Injectable } from '@nestjs/common';
import { AbortContext } from '../abort/index.js';
import { Llm } from '../llm/index.js';
import { DomainError } from '../problems/index.js';
import { DocumentTextsRepository, type StoredChunk } from './document-texts.repository.js';
import { DocumentsRepository, type DocumentRow } from './documents.repository.js';
import { TextCutter } from './reading/index.js';

const BATCH = 64;

type Unembedded = Omit<StoredChunk, 'vector'>;

/** Cuts the text of a document into pieces and embeds them, a batch at a time. A batch that is stored is not embedded again. */
@Injectable()
export class ChunkEmbedder {
  constructor(
    private readonly context: AbortContext,
    private readonly documents: DocumentsRepository,
    private readonly texts: DocumentTextsRepository,
    private readonly cutter: TextCutter,
    private readonly llm: Llm,
  ) {}

  /** Throws `document_not_readable` where nothing is left of its text but what repeats on every page. */
  async embed({ id, name }: DocumentRow, stage: string): Promise<void> {
    await this.context.stage(`${stage} embed`, async () => {
      const chunks = (await this.cutter.cut(await this.texts.pages(id))).map(({ page, text }, ordinal) => ({ ordinal, page, text }));
      if (chunks.length === 0) throw new DomainError('document_not_readable', `${name} has no text that questions could be asked about.`);
      const left = await this.#unembedded(id, chunks);
      for (let at = 0; at < left.length; at += BATCH) await this.#embed(id, left.slice(at, at + BATCH));
      await this.documents.setEmbedded(id);
    });
  }

  async #unembedded(id: string, chunks: readonly Unembedded[]): Promise<Unembedded[]> {
    const done = await this.texts.embedded(id, this.llm.embeddingModel);
    return chunks.filter(({ ordinal }) => !done.has(ordinal));
  }

  async #embed(id: string, batch: readonly Unembedded[]): Promise<void> {
    const { model, vectors } = await this.llm.embed(batch.map(({ text }) => text));
    const chunks = batch.map((chunk, index) => ({ ...chunk, vector: vectors[index] ?? [] }));
    await this.texts.saveChunks(id, model, chunks);
  }
}
