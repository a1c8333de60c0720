import { Injectable } from '@nestjs/common';
import { Llm } from '../llm/index.js';
import { ContentRepository, type Passage, type PassageSearch } from './content.repository.js';

/** What to look for, and where. */
export interface Retrieval extends Omit<PassageSearch, 'model' | 'vector'> {
  readonly text: string;
}

/** Finds the passages nearest to a text. One embedding, one query. */
@Injectable()
export class Retriever {
  constructor(
    private readonly llm: Llm,
    private readonly content: ContentRepository,
  ) {}

  async nearest({ text, ...search }: Retrieval): Promise<Passage[]> {
    const { model, vectors } = await this.llm.embed([text], 'skipping query');
    return await this.content.search({ ...search, model, vector: vectors[0] ?? [] });
  }
}
