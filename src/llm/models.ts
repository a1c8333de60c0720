import { Inject, Injectable, Logger, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import { initChatModel } from 'langchain/chat_models/universal';
import { AzureOpenAI, OpenAI } from 'openai';
import { APP_CONFIG, ConfigError, type AppConfig, type LlmConfig } from '../config/index.js';
import { countTokens, startOfflineModel, type ModelServer } from './offline/index.js';

export type ChatModel = Awaited<ReturnType<typeof initChatModel>>;

/** Retries are the gateway's own: it must see every attempt, book it, and end the waiting on abort. */
const NO_RETRIES = { maxRetries: 0 };

/**
 * The configured models, opened at start: any `provider:model` of langchain for chat, the OpenAI client for embeddings. With no key
 * and no server configured, both talk to the built-in model on a loopback port, over the same wire.
 */
@Injectable()
export class Models implements OnModuleInit, OnApplicationShutdown {
  readonly #config: LlmConfig;
  readonly #logger = new Logger('Llm');
  #chat?: ChatModel;
  #embeddings?: OpenAI;
  #offline?: ModelServer;

  constructor(@Inject(APP_CONFIG) { llm }: AppConfig) {
    this.#config = llm;
  }

  async onModuleInit(): Promise<void> {
    if (this.#config.embedsOffline) await this.#startOffline();
    // Reading the encoding blocks for a tenth of a second: now, and not when the first abort is booked.
    countTokens('warm');
    this.#chat = await this.#openChat().catch((error: unknown) => {
      throw new ConfigError(`LLM_MODEL ${this.#config.model} cannot be opened: ${firstLineOf(error)}`, { cause: error });
    });
    this.#embeddings = this.#openEmbeddings();
  }

  /** After the work has been drained: until then the built-in model is needed. */
  async onApplicationShutdown(): Promise<void> {
    await this.#offline?.stop();
  }

  get chat(): ChatModel {
    if (!this.#chat) throw new Error('The chat model is opened when the module starts.');
    return this.#chat;
  }

  get embeddings(): OpenAI {
    if (!this.#embeddings) throw new Error('The embedding model is opened when the module starts.');
    return this.#embeddings;
  }

  /** The names under which tokens are booked. */
  get chatName(): string {
    return this.#config.isOffline ? 'hangup-offline' : this.#config.model.slice(this.#config.model.indexOf(':') + 1);
  }

  get embeddingName(): string {
    return this.#config.embedsOffline ? 'hangup-offline-embedding' : this.#config.embeddingModel;
  }

  /** For people: what answers. */
  get description(): string {
    if (this.#config.isOffline) return 'built-in offline model (rule-based, no LLM: set OPENAI_API_KEY or OPENAI_BASE_URL for a real one)';
    const { model, baseUrl } = this.#config;
    return `${model}${baseUrl && model.startsWith('openai:') ? ` at ${new URL(baseUrl).host}` : ''}`;
  }

  async #startOffline(): Promise<void> {
    this.#offline = await startOfflineModel({ tokensPerSecond: this.#config.offlineTokensPerSecond });
    const what = this.#config.isOffline
      ? 'No model is configured: the built-in rule-based model answers'
      : 'No server for embeddings is configured: the built-in model makes them';
    this.#logger.log({ msg: `[Llm] ${what}` });
  }

  get #baseUrl(): string | undefined {
    return this.#offline?.baseUrl ?? this.#config.baseUrl;
  }

  /** A server without accounts still gets a key, because the client insists on one. */
  get #apiKey(): string {
    return this.#config.apiKey ?? 'none';
  }

  async #openChat(): Promise<ChatModel> {
    const { model, azure } = this.#config;
    if (azure) {
      const { apiKey, endpoint, deployment, apiVersion } = azure;
      return await initChatModel(model, {
        ...NO_RETRIES,
        azureOpenAIApiKey: apiKey,
        azureOpenAIEndpoint: endpoint,
        azureOpenAIApiDeploymentName: deployment,
        azureOpenAIApiVersion: apiVersion,
      });
    }
    if (!model.startsWith('openai:')) return await initChatModel(model, NO_RETRIES);
    const name = this.#offline ? 'openai:hangup-offline' : model;
    return await initChatModel(name, { ...NO_RETRIES, apiKey: this.#apiKey, configuration: { baseURL: this.#baseUrl }, streamUsage: true });
  }

  #openEmbeddings(): OpenAI {
    const { azure } = this.#config;
    if (!azure) return new OpenAI({ ...NO_RETRIES, apiKey: this.#apiKey, baseURL: this.#baseUrl });
    const { apiKey, endpoint, apiVersion, embeddingDeployment } = azure;
    return new AzureOpenAI({ ...NO_RETRIES, apiKey, endpoint, apiVersion, deployment: embeddingDeployment });
  }
}

function firstLineOf(error: unknown): string {
  return String(error instanceof Error ? error.message : error).split('\n', 1)[0] ?? '';
}
