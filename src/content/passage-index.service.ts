import { Injectable, Logger, type BeforeApplicationShutdown, type OnApplicationBootstrap } from '@nestjs/common';
import { AbortContext, DrainingError, isAbortOf, wait } from '../abort/index.js';
import { Llm } from '../llm/index.js';
import { ContentRepository, type Passage } from './content.repository.js';

const BATCH = 64;
const RETRY_AFTER_MS = 30_000;

/**
 * Embeds passages that the configured model has not embedded yet: the sample book at the first start, everything after a change of
 * model. The first pass is over before the server listens; where the model does not answer, it goes on trying behind the server,
 * and until then retrieval answers in reading order.
 */
@Injectable()
export class PassageIndexService implements OnApplicationBootstrap, BeforeApplicationShutdown {
  readonly #logger = new Logger('PassageIndex');
  readonly #leaving = new AbortController();
  #retrying: Promise<void> = Promise.resolve();

  constructor(
    private readonly context: AbortContext,
    private readonly content: ContentRepository,
    private readonly llm: Llm,
  ) {}

  async onApplicationBootstrap(): Promise<void> {
    if (!(await this.#tryToEmbed())) this.#retrying = this.#retry();
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.#leaving.abort(new DrainingError());
    await this.#retrying;
  }

  async #retry(): Promise<void> {
    const { signal } = this.#leaving;
    try {
      do await wait(RETRY_AFTER_MS, signal);
      while (!(await this.#tryToEmbed()));
    } catch (error) {
      if (!isAbortOf(error, signal)) this.#logger.error({ err: error, msg: '[PassageIndex] Embedding stopped' });
    }
  }

  async #tryToEmbed(): Promise<boolean> {
    const { signal } = this.#leaving;
    try {
      await this.context.run(signal, () => this.context.stage('embed_passages', () => this.#embedAll()), {
        labels: { kind: 'passage_index' },
      });
      return true;
    } catch (error) {
      if (isAbortOf(error, signal)) return true;
      this.#logger.warn({ err: error, msg: '[PassageIndex] Passages could not be embedded, trying again later' });
      return false;
    }
  }

  async #embedAll(): Promise<void> {
    let batch = await this.#next();
    while (batch.length > 0) {
      await this.#embed(batch);
      batch = await this.#next();
    }
  }

  #next(): Promise<Passage[]> {
    return this.content.listUnembedded(this.llm.embeddingModel, BATCH);
  }

  async #embed(passages: readonly Passage[]): Promise<void> {
    const { model, vectors } = await this.llm.embed(
      passages.map(({ title, skill, text }) => `${title}\n${skill.replaceAll('-', ' ')}\n${text}`),
    );
    const embeddings = passages.map(({ id }, index) => ({ id, vector: vectors[index] ?? [] }));
    await this.content.saveEmbeddings(model, embeddings);
    await this.content.ensureIndex(model, vectors[0]?.length ?? 0);
  }
}
