/** Everything the process reads from its environment, read once at start and frozen. */
export interface AppConfig {
  readonly isProduction: boolean;
  readonly http: { readonly host: string; readonly port: number; readonly corsOrigins: readonly string[] };
  readonly log: { readonly level: string };
  readonly instanceId: string;
  readonly dataDir: string;
  readonly database: {
    /** Absent: embedded PGlite under `dataDir`. */
    readonly url?: string;
    readonly poolSize: number;
    readonly statementTimeoutMs: number;
  };
  readonly llm: LlmConfig;
  readonly auth: { readonly secret?: string; readonly jwksUrl?: string };
  readonly abort: { readonly zombieAfterMs: number; readonly shieldTimeoutMs: number; readonly onDisconnect: 'abort' | 'ignore' };
}

export interface LlmConfig {
  /** `provider:model`, as langchain's `initChatModel` takes it. */
  readonly model: string;
  readonly embeddingModel: string;
  readonly apiKey?: string;
  readonly baseUrl?: string;
  readonly azure?: {
    readonly apiKey: string;
    readonly endpoint: string;
    readonly deployment: string;
    readonly embeddingDeployment?: string;
    readonly apiVersion: string;
  };
  /** No key and no server named: the built-in model answers. */
  readonly isOffline: boolean;
  /** No server that speaks OpenAI is configured for embeddings: the built-in model makes them. */
  readonly embedsOffline: boolean;
  readonly offlineTokensPerSecond: number;
  readonly maxConcurrency: number;
  readonly idleTimeoutMs: number;
  readonly timeoutMs: number;
  readonly maxRetries: number;
}

/** The token under which the frozen `AppConfig` is injected. */
export const APP_CONFIG = Symbol('APP_CONFIG');
