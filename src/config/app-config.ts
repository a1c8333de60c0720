/** Everything the process reads from its environment, read once at start and frozen. */
export interface AppConfig {
  readonly isProduction: boolean;
  readonly http: {
    readonly host: string;
    readonly port: number;
    readonly corsOrigins: readonly string[];
    /** How long an event stream is silent at the most. */
    readonly heartbeatMs: number;
  };
  readonly log: { readonly level: string };
  readonly instanceId: string;
  readonly dataDir: string;
  readonly database: {
    /** Absent: embedded PGlite under `dataDir`. */
    readonly url?: string;
    readonly poolSize: number;
    readonly statementTimeoutMs: number;
  };
  /** With a token, `/metrics` asks for it. */
  readonly metrics: { readonly token?: string };
  readonly llm: LlmConfig;
  readonly budget: {
    /** What each user may spend on a day, in UTC, in US dollars. Absent: as much as they like. */
    readonly usdPerDay?: number;
    /** The tokens of an answer that are reserved before it is asked for, and again each time that it grows beyond. */
    readonly answerTokens: number;
  };
  readonly auth: { readonly secret?: string; readonly jwksUrl?: string };
  /** Absent: cancels and events go through the database, or stay within the process where that is embedded. */
  readonly redisUrl?: string;
  readonly tasks: TasksConfig;
  /** What is kept of what tasks tell while they run. */
  readonly events: {
    /** About so many of each task, the latest ones. */
    readonly perTask: number;
    readonly ttlMs: number;
  };
  readonly analyses: {
    /** How many resources of one analysis are looked at at once. */
    readonly concurrency: number;
  };
  readonly uploads: {
    readonly maxFiles: number;
    readonly maxFileBytes: number;
    /** Where uploaded files wait until they are processed. Absent: in the database. */
    readonly blobDir?: string;
  };
  readonly abort: { readonly zombieAfterMs: number; readonly shieldTimeoutMs: number; readonly onDisconnect: 'abort' | 'ignore' };
}

/** The times that tasks live by, in milliseconds where no other unit is named. */
export interface TasksConfig {
  /** No task in a request runs longer than this. */
  readonly maxMs: number;
  /** No job works longer than this at one go. */
  readonly jobMaxMs: number;
  /** How often an instance renews the leases of its tasks and looks for cancels that did not reach it. */
  readonly heartbeatMs: number;
  /** A task whose owner has not renewed for so long belongs to nobody any more. */
  readonly leaseMs: number;
  /** How long a cancel of a scope is remembered. */
  readonly markTtlMs: number;
  /** How long after a cancel of a scope it still stops one task that names no client. */
  readonly blindCancelMs: number;
  /** How long requests may go on once the process has been told to leave. */
  readonly drainTimeoutMs: number;
  readonly retentionDays: number;
}

export interface LlmConfig {
  /** `provider:model`, as langchain's `initChatModel` takes it. */
  readonly model: string;
  /** The model that is shown images, `provider:model` too. Absent: nothing sees. */
  readonly visionModel?: string;
  readonly embeddingModel: string;
  readonly apiKey?: string;
  readonly baseUrl?: string;
  readonly azure?: {
    readonly apiKey: string;
    readonly endpoint: string;
    readonly deployment: string;
    readonly visionDeployment: string;
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
  /** Connections to OpenAI and Azure heed the variables of a proxy, as Node was told to. */
  readonly isProxied: boolean;
  /** A file of prices that takes the place of the built-in ones. */
  readonly pricesFile?: string;
}

/** The token under which the frozen `AppConfig` is injected. */
export const APP_CONFIG = Symbol('APP_CONFIG');
