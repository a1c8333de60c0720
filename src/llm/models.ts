import { Inject, Injectable, Logger, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import { initChatModel } from 'langchain/chat_models/universal';
import { AzureOpenAI, OpenAI } from 'openai';
import { AbortContext } from '../abort/index.js';
import { APP_CONFIG, ConfigError, type AppConfig, type LlmConfig } from '../config/index.js';
import { countTokens, OFFLINE_CHAT_MODEL, OFFLINE_EMBEDDING_MODEL, startOfflineModel, type ModelServer } from './offline/index.js';
import { openProviderFetch } from './provider-fetch.js';

/** What a configured model is for: `chat` reads and writes text, `vision` reads images too. */
export type ModelRole = 'chat' | 'vision';

export type ChatModel = Awaited<ReturnType<typeof initChatModel>>;

/** Retries are the gateway's own: it must see every attempt, book it, and end the waiting on abort. */
const NO_RETRIES = { maxRetries: 0 };
const NO_VISION = 'No model is configured that sees: look at `Llm.canSee` before you ask for one (VISION_MODEL names it).';

/**
 * The configured models, opened at start: any `provider:model` of langchain for chat and for images, the OpenAI client for embeddings.
 * With no key and no server configured, chat and embeddings talk to the built-in model on a loopback port, over the same wire; it
 * cannot see.
 */
@Injectable()
export class Models implements OnModuleInit, OnApplicationShutdown {
  readonly #config: LlmConfig;
  readonly #logger = new Logger('Llm');
  readonly #fetch: typeof globalThis.fetch;
  #chat?: ChatModel;
  #vision?: ChatModel;
  #embeddings?: OpenAI;
  #offline?: ModelServer;

  constructor(@Inject(APP_CONFIG) { llm }: AppConfig, context: AbortContext) {
    this.#config = llm;
    this.#fetch = openProviderFetch(llm.isProxied, context);
  }

  async onModuleInit(): Promise<void> {
    if (this.#config.embedsOffline) await this.#startOffline();
    // Reading the encoding blocks for a tenth of a second: now, and not when the first abort is booked.
    countTokens('warm');
    const { model, visionModel, azure } = this.#config;
    this.#chat = await this.#open('LLM_MODEL', model, azure?.deployment);
    this.#vision = visionModel === undefined ? undefined : await this.#open('VISION_MODEL', visionModel, azure?.visionDeployment);
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

  /** Is there a model that takes images? */
  get canSee(): boolean {
    return this.#config.visionModel !== undefined;
  }

  /** The model of a role. Throws an `Error` for `vision` where none is configured. */
  get(role: ModelRole): ChatModel {
    if (role === 'chat') return this.chat;
    if (!this.#vision) throw new Error(NO_VISION);
    return this.#vision;
  }

  /** Whether the calls of a role go over connections of ours, which are cut by the ambient signal itself. */
  isCutFirst(role: ModelRole): boolean {
    return this.#ownClientOf(role === 'chat' ? this.#config.model : (this.#config.visionModel ?? '')) !== undefined;
  }

  get embeddings(): OpenAI {
    if (!this.#embeddings) throw new Error('The embedding model is opened when the module starts.');
    return this.#embeddings;
  }

  /** The names under which tokens are booked. Throws an `Error` for `vision` where none is configured. */
  nameOf(role: ModelRole): string {
    const { isOffline, model, visionModel } = this.#config;
    if (role === 'chat') return isOffline ? OFFLINE_CHAT_MODEL : nameIn(model);
    if (visionModel === undefined) throw new Error(NO_VISION);
    return nameIn(visionModel);
  }

  get embeddingName(): string {
    return this.#config.embedsOffline ? OFFLINE_EMBEDDING_MODEL : this.#config.embeddingModel;
  }

  /** For people: what answers. */
  get description(): string {
    const { isOffline, model, visionModel } = this.#config;
    const chat = isOffline
      ? 'built-in offline model (rule-based, no LLM: set OPENAI_API_KEY or OPENAI_BASE_URL for a real one)'
      : this.#describe(model);
    return visionModel === undefined ? chat : `${chat}; images: ${this.#describe(visionModel)}`;
  }

  #describe(model: string): string {
    const { baseUrl } = this.#config;
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

  async #open(variable: string, model: string, deployment: string | undefined): Promise<ChatModel> {
    try {
      return await initChatModel(
        this.#offline && model.startsWith('openai:') ? `openai:${OFFLINE_CHAT_MODEL}` : model,
        this.#optionsOf(model, deployment),
      );
    } catch (error) {
      throw new ConfigError(`${variable} ${model} cannot be opened: ${firstLineOf(error)}`, { cause: error });
    }
  }

  /** Which client that takes a `fetch` of ours opens a model; `undefined` where none does. */
  #ownClientOf(model: string): 'openai' | 'azure' | undefined {
    if (model.startsWith('openai:')) return 'openai';
    return this.#config.azure && model.startsWith('azure_openai:') ? 'azure' : undefined;
  }

  #optionsOf(model: string, deployment: string | undefined): Record<string, unknown> {
    const { azure } = this.#config;
    const client = this.#ownClientOf(model);
    if (client === 'openai') {
      const configuration = { baseURL: this.#baseUrl, fetch: this.#fetch };
      return { ...NO_RETRIES, apiKey: this.#apiKey, configuration, streamUsage: true };
    }
    if (!azure || client !== 'azure') return NO_RETRIES;
    return {
      ...NO_RETRIES,
      configuration: { fetch: this.#fetch },
      azureOpenAIApiKey: azure.apiKey,
      azureOpenAIEndpoint: azure.endpoint,
      azureOpenAIApiDeploymentName: deployment,
      azureOpenAIApiVersion: azure.apiVersion,
    };
  }

  #openEmbeddings(): OpenAI {
    const { azure } = this.#config;
    const options = { ...NO_RETRIES, fetch: this.#fetch };
    if (!azure) return new OpenAI({ ...options, apiKey: this.#apiKey, baseURL: this.#baseUrl });
    const { apiKey, endpoint, apiVersion, embeddingDeployment } = azure;
    return new AzureOpenAI({ ...options, apiKey, endpoint, apiVersion, deployment: embeddingDeployment });
  }
}

/** The model's own name, without its provider. */
function nameIn(model: string): string {
  return model.slice(model.indexOf(':') + 1);
}

function firstLineOf(error: unknown): string {
  return String(error instanceof Error ? error.message : error).split('\n', 1)[0] ?? '';
}
