import { hostname } from 'node:os';
import { z } from 'zod';
import type { AppConfig, LlmConfig, TasksConfig } from './app-config.js';

/** A value of the environment that the process cannot start with. `message` is the one line to print. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}

const integer = (min: number, max: number) =>
  z
    .string()
    .regex(/^\d+$/, 'must be a whole number')
    .transform(Number)
    .refine((value) => value >= min && value <= max, `must be a whole number from ${min} to ${max}`);
const dollars = z
  .string()
  .regex(/^\d+(\.\d{1,8})?$/, 'must be an amount of US dollars, such as 2.50')
  .transform(Number)
  .refine((value) => value <= 1_000_000, 'must be at most 1000000 US dollars');
const url = (protocols: RegExp, what: string) =>
  z.string().refine((value) => URL.canParse(value) && protocols.test(new URL(value).protocol), `must be ${what}`);
const httpUrl = url(/^https?:$/, 'an http or https URL');

const model = z.string().regex(/^[a-z0-9_-]+:.+$/i, 'must be provider:model, for example openai:gpt-4o-mini');

const environment = z.object({
  NODE_ENV: z.string().default('development'),
  PORT: integer(0, 65_535).default(3000),
  HOST: z.string().default('127.0.0.1'),
  CORS_ORIGINS: z.string().default(''),
  HEARTBEAT_MS: integer(10, 3_600_000).default(15_000),
  LOG_LEVEL: z.enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']).default('info'),
  INSTANCE_ID: z.string().default(`${hostname()}-${process.pid}`),
  DATA_DIR: z.string().default('data'),
  DATABASE_URL: url(/^postgres(ql)?:$/, 'a postgres:// URL').optional(),
  DATABASE_POOL_SIZE: integer(1, 1000).default(10),
  STATEMENT_TIMEOUT_MS: integer(0, 3_600_000).default(30_000),
  OPENAI_API_KEY: z.string().optional(),
  OPENAI_BASE_URL: httpUrl.optional(),
  AZURE_OPENAI_API_KEY: z.string().optional(),
  AZURE_OPENAI_ENDPOINT: httpUrl.optional(),
  AZURE_OPENAI_API_DEPLOYMENT_NAME: z.string().optional(),
  AZURE_OPENAI_VISION_DEPLOYMENT_NAME: z.string().optional(),
  AZURE_OPENAI_EMBEDDING_DEPLOYMENT_NAME: z.string().optional(),
  AZURE_OPENAI_API_VERSION: z.string().optional(),
  LLM_MODEL: model.default('openai:gpt-4o-mini'),
  VISION_MODEL: model.optional(),
  EMBEDDING_MODEL: z.string().default('text-embedding-3-small'),
  OFFLINE_TOKENS_PER_SECOND: integer(1, 1_000_000).default(60),
  LLM_MAX_CONCURRENCY: integer(1, 100_000).default(64),
  LLM_IDLE_TIMEOUT_MS: integer(1, 3_600_000).default(30_000),
  LLM_TIMEOUT_MS: integer(1, 3_600_000).default(120_000),
  LLM_MAX_RETRIES: integer(0, 10).default(2),
  NODE_USE_ENV_PROXY: z.string().optional(),
  NODE_OPTIONS: z.string().default(''),
  PRICES_FILE: z.string().optional(),
  BUDGET_USD_PER_DAY: dollars.optional(),
  BUDGET_ANSWER_TOKENS: integer(1, 1_000_000).default(2048),
  JWT_SECRET: z.string().min(32, 'must be at least 32 characters long').optional(),
  JWKS_URL: httpUrl.optional(),
  REDIS_URL: url(/^rediss?:$/, 'a redis:// or rediss:// URL').optional(),
  TASK_MAX_MS: integer(1, 86_400_000).default(900_000),
  JOB_MAX_MS: integer(1, 604_800_000).default(86_400_000),
  LEASE_HEARTBEAT_MS: integer(10, 60_000).default(1000),
  LEASE_MS: integer(30, 600_000).default(5000),
  CANCEL_MARK_TTL_MS: integer(1, 86_400_000).default(60_000),
  BLIND_CANCEL_MS: integer(0, 60_000).default(2000),
  DRAIN_TIMEOUT_MS: integer(0, 3_600_000).default(10_000),
  TASK_RETENTION_DAYS: integer(1, 36_500).default(30),
  EVENTS_PER_TASK: integer(16, 1_000_000).default(4096),
  EVENTS_TTL_MS: integer(1000, 86_400_000).default(3_600_000),
  ANALYSIS_CONCURRENCY: integer(1, 1000).default(4),
  UPLOAD_MAX_FILES: integer(1, 1000).default(50),
  UPLOAD_MAX_FILE_BYTES: integer(1, 1_073_741_824).default(52_428_800),
  BLOB_DIR: z.string().optional(),
  METRICS_TOKEN: z.string().optional(),
  ZOMBIE_AFTER_MS: integer(1, 3_600_000).default(5000),
  SHIELD_TIMEOUT_MS: integer(1, 3_600_000).default(5000),
  DISCONNECT_PROPAGATION: z.enum(['abort', 'ignore']).default('abort'),
});
type Environment = z.infer<typeof environment>;

/**
 * Reads and checks the environment. Throws a `ConfigError` whose message is one line naming the variable, its value and what it
 * must be. An empty value counts as absent.
 */
export function loadConfig(env: NodeJS.ProcessEnv = process.env): AppConfig {
  const given = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== ''));
  const parsed = environment.safeParse(given);
  if (!parsed.success) throw new ConfigError(describe(parsed.error, given));
  return deepFreeze(toConfig(parsed.data));
}

const SECRET_NAME = /_KEY$|SECRET|PASSWORD|_TOKEN$|DATABASE_URL|REDIS_URL/;

function describe(error: z.ZodError, given: Record<string, string | undefined>): string {
  const issue = error.issues[0];
  const name = String(issue?.path[0]);
  const shown = SECRET_NAME.test(name) ? '' : ` (it is ${JSON.stringify(withoutCredentials(given[name] ?? ''))})`;
  return `${name} ${issue?.code === 'invalid_value' ? `must be one of ${issue.values.join(', ')}` : issue?.message}${shown}`;
}

/** Any URL may carry a user and password, and a key in its query. */
function withoutCredentials(value: string): string {
  return value.replace(/^.*@/s, '…@').replace(/\?.*$/s, '?…');
}

function toConfig(env: Environment): AppConfig {
  const isProduction = env.NODE_ENV === 'production';
  if (isProduction && !env.JWT_SECRET && !env.JWKS_URL) {
    throw new ConfigError('JWT_SECRET or JWKS_URL must be set in production: without one nobody could be told apart');
  }
  return {
    isProduction,
    http: {
      host: env.HOST,
      port: env.PORT,
      corsOrigins: env.CORS_ORIGINS.split(',')
        .map((origin) => origin.trim())
        .filter(Boolean),
      heartbeatMs: env.HEARTBEAT_MS,
    },
    log: { level: env.LOG_LEVEL },
    instanceId: env.INSTANCE_ID,
    dataDir: env.DATA_DIR,
    database: { url: env.DATABASE_URL, poolSize: env.DATABASE_POOL_SIZE, statementTimeoutMs: env.STATEMENT_TIMEOUT_MS },
    redisUrl: env.REDIS_URL,
    tasks: toTasksConfig(env),
    events: { perTask: env.EVENTS_PER_TASK, ttlMs: env.EVENTS_TTL_MS },
    analyses: { concurrency: env.ANALYSIS_CONCURRENCY },
    uploads: { maxFiles: env.UPLOAD_MAX_FILES, maxFileBytes: env.UPLOAD_MAX_FILE_BYTES, blobDir: env.BLOB_DIR },
    metrics: { token: env.METRICS_TOKEN },
    llm: toLlmConfig(env),
    budget: { usdPerDay: env.BUDGET_USD_PER_DAY, answerTokens: env.BUDGET_ANSWER_TOKENS },
    auth: { secret: env.JWT_SECRET, jwksUrl: env.JWKS_URL },
    abort: { zombieAfterMs: env.ZOMBIE_AFTER_MS, shieldTimeoutMs: env.SHIELD_TIMEOUT_MS, onDisconnect: env.DISCONNECT_PROPAGATION },
  };
}

function toTasksConfig(env: Environment): TasksConfig {
  if (env.LEASE_MS < 3 * env.LEASE_HEARTBEAT_MS) {
    throw new ConfigError(
      `LEASE_MS must be at least three times LEASE_HEARTBEAT_MS (it is ${env.LEASE_MS} against ${env.LEASE_HEARTBEAT_MS})`,
    );
  }
  return {
    maxMs: env.TASK_MAX_MS,
    jobMaxMs: env.JOB_MAX_MS,
    heartbeatMs: env.LEASE_HEARTBEAT_MS,
    leaseMs: env.LEASE_MS,
    markTtlMs: env.CANCEL_MARK_TTL_MS,
    blindCancelMs: env.BLIND_CANCEL_MS,
    drainTimeoutMs: env.DRAIN_TIMEOUT_MS,
    retentionDays: env.TASK_RETENTION_DAYS,
  };
}

function toLlmConfig(env: Environment): LlmConfig {
  const azure = toAzure(env);
  const hasNoServer = !azure && !env.OPENAI_API_KEY && !env.OPENAI_BASE_URL;
  return {
    model: env.LLM_MODEL,
    visionModel: toVisionModel(env),
    embeddingModel: env.EMBEDDING_MODEL,
    apiKey: env.OPENAI_API_KEY,
    baseUrl: env.OPENAI_BASE_URL,
    azure,
    isOffline: providerOf(env.LLM_MODEL) === 'openai' && hasNoServer,
    embedsOffline: hasNoServer,
    offlineTokensPerSecond: env.OFFLINE_TOKENS_PER_SECOND,
    maxConcurrency: env.LLM_MAX_CONCURRENCY,
    idleTimeoutMs: env.LLM_IDLE_TIMEOUT_MS,
    timeoutMs: env.LLM_TIMEOUT_MS,
    maxRetries: env.LLM_MAX_RETRIES,
    isProxied: isProxied(env),
    pricesFile: env.PRICES_FILE,
  };
}

/** As Node itself is told that its own connections heed the variables of a proxy. */
function isProxied(env: Environment): boolean {
  const flags = [...process.execArgv, ...env.NODE_OPTIONS.split(' ')];
  return env.NODE_USE_ENV_PROXY === '1' || flags.includes('--use-env-proxy');
}

/** The built-in model cannot see, and Azure has the settings of one resource: neither is found out at the first image. */
function toVisionModel(env: Environment): string | undefined {
  const { VISION_MODEL: visionModel } = env;
  if (visionModel === undefined) return undefined;
  const provider = providerOf(visionModel);
  if (provider === 'openai' && !env.OPENAI_API_KEY && !env.OPENAI_BASE_URL) {
    throw new ConfigError(
      `VISION_MODEL needs OPENAI_API_KEY or OPENAI_BASE_URL, because the built-in model cannot see (it is "${visionModel}")`,
    );
  }
  if (provider === 'azure_openai' && providerOf(env.LLM_MODEL) !== provider) {
    throw new ConfigError(`VISION_MODEL can be azure_openai:… only where LLM_MODEL is (it is "${visionModel}")`);
  }
  return visionModel;
}

function providerOf(model: string): string {
  return model.slice(0, model.indexOf(':'));
}

function toAzure(env: Environment): LlmConfig['azure'] {
  if (providerOf(env.LLM_MODEL) !== 'azure_openai') return undefined;
  const apiKey = required(env, 'AZURE_OPENAI_API_KEY');
  const endpoint = required(env, 'AZURE_OPENAI_ENDPOINT');
  const deployment = required(env, 'AZURE_OPENAI_API_DEPLOYMENT_NAME');
  return {
    apiKey,
    endpoint,
    deployment,
    visionDeployment: env.AZURE_OPENAI_VISION_DEPLOYMENT_NAME ?? deployment,
    apiVersion: required(env, 'AZURE_OPENAI_API_VERSION'),
    embeddingDeployment: env.AZURE_OPENAI_EMBEDDING_DEPLOYMENT_NAME,
  };
}

function required(env: Environment, name: keyof Environment): string {
  const value = env[name];
  if (value === undefined) throw new ConfigError(`${name} must be set when LLM_MODEL is azure_openai:…`);
  return String(value);
}

function deepFreeze<T extends object>(value: T): T {
  for (const inner of Object.values(value)) if (typeof inner === 'object' && inner !== null) deepFreeze(inner as object);
  return Object.freeze(value);
}
