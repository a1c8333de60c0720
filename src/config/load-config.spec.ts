import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { describe, expect, it } from '@jest/globals';
import type { AppConfig } from './app-config.js';
import { ConfigError, loadConfig } from './load-config.js';

const SECRET = 'a secret that is long enough to sign';
const AZURE = {
  LLM_MODEL: 'azure_openai:gpt-4o',
  AZURE_OPENAI_API_KEY: 'azure-key',
  AZURE_OPENAI_ENDPOINT: 'https://here.openai.azure.com',
  AZURE_OPENAI_API_DEPLOYMENT_NAME: 'chat',
  AZURE_OPENAI_API_VERSION: '2026-10-01',
};

interface Variable {
  readonly name: string;
  readonly read: (config: AppConfig) => unknown;
  readonly byDefault: unknown;
  readonly given: string;
  readonly becomes: unknown;
  /** What else has to be set for it to be read. */
  readonly along?: Readonly<Record<string, string>>;
}

const VARIABLES: readonly Variable[] = [
  { name: 'NODE_ENV', read: (c) => c.isProduction, byDefault: false, given: 'production', becomes: true, along: { JWT_SECRET: SECRET } },
  { name: 'PORT', read: (c) => c.http.port, byDefault: 3000, given: '0', becomes: 0 },
  { name: 'HOST', read: (c) => c.http.host, byDefault: '127.0.0.1', given: '0.0.0.0', becomes: '0.0.0.0' },
  {
    name: 'CORS_ORIGINS',
    read: (c) => c.http.corsOrigins,
    byDefault: [],
    given: 'https://a.example, https://b.example,',
    becomes: ['https://a.example', 'https://b.example'],
  },
  { name: 'HEARTBEAT_MS', read: (c) => c.http.heartbeatMs, byDefault: 15_000, given: '10', becomes: 10 },
  { name: 'LOG_LEVEL', read: (c) => c.log.level, byDefault: 'info', given: 'silent', becomes: 'silent' },
  { name: 'INSTANCE_ID', read: (c) => c.instanceId, byDefault: `${hostname()}-${process.pid}`, given: 'eu-1', becomes: 'eu-1' },
  { name: 'DATA_DIR', read: (c) => c.dataDir, byDefault: 'data', given: 'memory://', becomes: 'memory://' },
  {
    name: 'DATABASE_URL',
    read: (c) => c.database.url,
    byDefault: undefined,
    given: 'postgresql://db/hangup',
    becomes: 'postgresql://db/hangup',
  },
  { name: 'DATABASE_POOL_SIZE', read: (c) => c.database.poolSize, byDefault: 10, given: '1000', becomes: 1000 },
  { name: 'STATEMENT_TIMEOUT_MS', read: (c) => c.database.statementTimeoutMs, byDefault: 30_000, given: '0', becomes: 0 },
  { name: 'OPENAI_API_KEY', read: (c) => c.llm.apiKey, byDefault: undefined, given: 'sk-1', becomes: 'sk-1' },
  {
    name: 'OPENAI_BASE_URL',
    read: (c) => c.llm.baseUrl,
    byDefault: undefined,
    given: 'http://127.0.0.1:8000/v1',
    becomes: 'http://127.0.0.1:8000/v1',
  },
  { name: 'AZURE_OPENAI_API_KEY', read: (c) => c.llm.azure?.apiKey, byDefault: undefined, given: 'other', becomes: 'other', along: AZURE },
  {
    name: 'AZURE_OPENAI_ENDPOINT',
    read: (c) => c.llm.azure?.endpoint,
    byDefault: undefined,
    given: 'https://x.example',
    becomes: 'https://x.example',
    along: AZURE,
  },
  {
    name: 'AZURE_OPENAI_API_DEPLOYMENT_NAME',
    read: (c) => c.llm.azure?.deployment,
    byDefault: undefined,
    given: 'mini',
    becomes: 'mini',
    along: AZURE,
  },
  {
    name: 'AZURE_OPENAI_VISION_DEPLOYMENT_NAME',
    read: (c) => c.llm.azure?.visionDeployment,
    byDefault: undefined,
    given: 'eyes',
    becomes: 'eyes',
    along: AZURE,
  },
  {
    name: 'AZURE_OPENAI_EMBEDDING_DEPLOYMENT_NAME',
    read: (c) => c.llm.azure?.embeddingDeployment,
    byDefault: undefined,
    given: 'e',
    becomes: 'e',
    along: AZURE,
  },
  {
    name: 'AZURE_OPENAI_API_VERSION',
    read: (c) => c.llm.azure?.apiVersion,
    byDefault: undefined,
    given: '2027',
    becomes: '2027',
    along: AZURE,
  },
  { name: 'LLM_MODEL', read: (c) => c.llm.model, byDefault: 'openai:gpt-4o-mini', given: 'ollama:qwen3:8b', becomes: 'ollama:qwen3:8b' },
  {
    name: 'VISION_MODEL',
    read: (c) => c.llm.visionModel,
    byDefault: undefined,
    given: 'openai:gpt-4o',
    becomes: 'openai:gpt-4o',
    along: { OPENAI_API_KEY: 'sk-1' },
  },
  { name: 'EMBEDDING_MODEL', read: (c) => c.llm.embeddingModel, byDefault: 'text-embedding-3-small', given: 'bge-m3', becomes: 'bge-m3' },
  { name: 'OFFLINE_TOKENS_PER_SECOND', read: (c) => c.llm.offlineTokensPerSecond, byDefault: 60, given: '1', becomes: 1 },
  { name: 'LLM_MAX_CONCURRENCY', read: (c) => c.llm.maxConcurrency, byDefault: 64, given: '2', becomes: 2 },
  { name: 'LLM_IDLE_TIMEOUT_MS', read: (c) => c.llm.idleTimeoutMs, byDefault: 30_000, given: '1', becomes: 1 },
  { name: 'LLM_TIMEOUT_MS', read: (c) => c.llm.timeoutMs, byDefault: 120_000, given: '3600000', becomes: 3_600_000 },
  { name: 'LLM_MAX_RETRIES', read: (c) => c.llm.maxRetries, byDefault: 2, given: '0', becomes: 0 },
  { name: 'NODE_USE_ENV_PROXY', read: ({ llm }) => llm.isProxied, byDefault: false, given: '1', becomes: true },
  {
    name: 'NODE_OPTIONS',
    read: ({ llm }) => llm.isProxied,
    byDefault: false,
    given: '--enable-source-maps --use-env-proxy',
    becomes: true,
  },
  { name: 'PRICES_FILE', read: (c) => c.llm.pricesFile, byDefault: undefined, given: '/etc/prices.json', becomes: '/etc/prices.json' },
  { name: 'BUDGET_USD_PER_DAY', read: (c) => c.budget.usdPerDay, byDefault: undefined, given: '2.50', becomes: 2.5 },
  { name: 'BUDGET_ANSWER_TOKENS', read: (c) => c.budget.answerTokens, byDefault: 2048, given: '100', becomes: 100 },
  { name: 'JWT_SECRET', read: (c) => c.auth.secret, byDefault: undefined, given: SECRET, becomes: SECRET },
  {
    name: 'JWKS_URL',
    read: (c) => c.auth.jwksUrl,
    byDefault: undefined,
    given: 'https://id.example/jwks',
    becomes: 'https://id.example/jwks',
  },
  {
    name: 'REDIS_URL',
    read: (c) => c.redisUrl,
    byDefault: undefined,
    given: 'rediss://me:hunter2@cache:6380/1',
    becomes: 'rediss://me:hunter2@cache:6380/1',
  },
  { name: 'TASK_MAX_MS', read: (c) => c.tasks.maxMs, byDefault: 900_000, given: '1', becomes: 1 },
  { name: 'JOB_MAX_MS', read: (c) => c.tasks.jobMaxMs, byDefault: 86_400_000, given: '1', becomes: 1 },
  { name: 'LEASE_HEARTBEAT_MS', read: (c) => c.tasks.heartbeatMs, byDefault: 1000, given: '10', becomes: 10 },
  { name: 'LEASE_MS', read: (c) => c.tasks.leaseMs, byDefault: 5000, given: '3000', becomes: 3000 },
  { name: 'CANCEL_MARK_TTL_MS', read: (c) => c.tasks.markTtlMs, byDefault: 60_000, given: '86400000', becomes: 86_400_000 },
  { name: 'BLIND_CANCEL_MS', read: (c) => c.tasks.blindCancelMs, byDefault: 2000, given: '0', becomes: 0 },
  { name: 'DRAIN_TIMEOUT_MS', read: (c) => c.tasks.drainTimeoutMs, byDefault: 10_000, given: '0', becomes: 0 },
  { name: 'TASK_RETENTION_DAYS', read: (c) => c.tasks.retentionDays, byDefault: 30, given: '36500', becomes: 36_500 },
  { name: 'EVENTS_PER_TASK', read: (c) => c.events.perTask, byDefault: 4096, given: '16', becomes: 16 },
  { name: 'EVENTS_TTL_MS', read: (c) => c.events.ttlMs, byDefault: 3_600_000, given: '86400000', becomes: 86_400_000 },
  { name: 'ANALYSIS_CONCURRENCY', read: (c) => c.analyses.concurrency, byDefault: 4, given: '1', becomes: 1 },
  { name: 'UPLOAD_MAX_FILES', read: (c) => c.uploads.maxFiles, byDefault: 50, given: '1000', becomes: 1000 },
  { name: 'UPLOAD_MAX_FILE_BYTES', read: (c) => c.uploads.maxFileBytes, byDefault: 52_428_800, given: '1', becomes: 1 },
  { name: 'BLOB_DIR', read: (c) => c.uploads.blobDir, byDefault: undefined, given: '/mnt/blobs', becomes: '/mnt/blobs' },
  { name: 'METRICS_TOKEN', read: (c) => c.metrics.token, byDefault: undefined, given: 'scrape', becomes: 'scrape' },
  { name: 'ZOMBIE_AFTER_MS', read: (c) => c.abort.zombieAfterMs, byDefault: 5000, given: '7', becomes: 7 },
  { name: 'SHIELD_TIMEOUT_MS', read: (c) => c.abort.shieldTimeoutMs, byDefault: 5000, given: '8', becomes: 8 },
  { name: 'DISCONNECT_PROPAGATION', read: (c) => c.abort.onDisconnect, byDefault: 'abort', given: 'ignore', becomes: 'ignore' },
];

const BAD = [
  ['PORT', 'abc', 'PORT must be a whole number (it is "abc")'],
  ['PORT', '65536', 'PORT must be a whole number from 0 to 65535 (it is "65536")'],
  ['PORT', '-1', 'PORT must be a whole number (it is "-1")'],
  ['PORT', '80.5', 'PORT must be a whole number (it is "80.5")'],
  ['PORT', ' ', 'PORT must be a whole number (it is " ")'],
  ['PORT', '80\n81', 'PORT must be a whole number (it is "80\\n81")'],
  ['LOG_LEVEL', 'loud', 'LOG_LEVEL must be one of fatal, error, warn, info, debug, trace, silent (it is "loud")'],
  ['DATABASE_URL', 'mysql://me:hunter2@db/x?password=hunter2', 'DATABASE_URL must be a postgres:// URL'],
  ['DATABASE_URL', 'hunter2', 'DATABASE_URL must be a postgres:// URL'],
  ['DATABASE_POOL_SIZE', '0', 'DATABASE_POOL_SIZE must be a whole number from 1 to 1000 (it is "0")'],
  ['STATEMENT_TIMEOUT_MS', '30s', 'STATEMENT_TIMEOUT_MS must be a whole number (it is "30s")'],
  ['OPENAI_BASE_URL', 'localhost:8000', 'OPENAI_BASE_URL must be an http or https URL (it is "localhost:8000")'],
  ['OPENAI_BASE_URL', 'ftp://me:hunter2@h@x/v1?key=hunter2', 'OPENAI_BASE_URL must be an http or https URL (it is "…@x/v1?…")'],
  ['AZURE_OPENAI_ENDPOINT', 'here', 'AZURE_OPENAI_ENDPOINT must be an http or https URL (it is "here")'],
  ['LLM_MODEL', 'gpt-4o', 'LLM_MODEL must be provider:model, for example openai:gpt-4o-mini (it is "gpt-4o")'],
  ['LLM_MODEL', 'openai:', 'LLM_MODEL must be provider:model, for example openai:gpt-4o-mini (it is "openai:")'],
  ['VISION_MODEL', 'gpt-4o', 'VISION_MODEL must be provider:model, for example openai:gpt-4o-mini (it is "gpt-4o")'],
  [
    'VISION_MODEL',
    'openai:gpt-4o',
    'VISION_MODEL needs OPENAI_API_KEY or OPENAI_BASE_URL, because the built-in model cannot see (it is "openai:gpt-4o")',
  ],
  ['VISION_MODEL', 'azure_openai:gpt-4o', 'VISION_MODEL can be azure_openai:… only where LLM_MODEL is (it is "azure_openai:gpt-4o")'],
  ['OFFLINE_TOKENS_PER_SECOND', '0', 'OFFLINE_TOKENS_PER_SECOND must be a whole number from 1 to 1000000 (it is "0")'],
  ['LLM_MAX_CONCURRENCY', '0', 'LLM_MAX_CONCURRENCY must be a whole number from 1 to 100000 (it is "0")'],
  ['LLM_IDLE_TIMEOUT_MS', '0', 'LLM_IDLE_TIMEOUT_MS must be a whole number from 1 to 3600000 (it is "0")'],
  ['LLM_TIMEOUT_MS', 'never', 'LLM_TIMEOUT_MS must be a whole number (it is "never")'],
  ['LLM_MAX_RETRIES', '11', 'LLM_MAX_RETRIES must be a whole number from 0 to 10 (it is "11")'],
  ['BUDGET_USD_PER_DAY', '-1', 'BUDGET_USD_PER_DAY must be an amount of US dollars, such as 2.50 (it is "-1")'],
  ['BUDGET_USD_PER_DAY', '1000001', 'BUDGET_USD_PER_DAY must be at most 1000000 US dollars (it is "1000001")'],
  ['BUDGET_ANSWER_TOKENS', '0', 'BUDGET_ANSWER_TOKENS must be a whole number from 1 to 1000000 (it is "0")'],
  ['JWT_SECRET', 'hunter2', 'JWT_SECRET must be at least 32 characters long'],
  ['JWKS_URL', 'file:///keys', 'JWKS_URL must be an http or https URL (it is "file:///keys")'],
  ['REDIS_URL', 'http://me:hunter2@cache', 'REDIS_URL must be a redis:// or rediss:// URL'],
  ['REDIS_URL', 'hunter2', 'REDIS_URL must be a redis:// or rediss:// URL'],
  ['TASK_MAX_MS', '0', 'TASK_MAX_MS must be a whole number from 1 to 86400000 (it is "0")'],
  ['LEASE_HEARTBEAT_MS', '9', 'LEASE_HEARTBEAT_MS must be a whole number from 10 to 60000 (it is "9")'],
  ['LEASE_MS', '600001', 'LEASE_MS must be a whole number from 30 to 600000 (it is "600001")'],
  ['LEASE_MS', '2999', 'LEASE_MS must be at least three times LEASE_HEARTBEAT_MS (it is 2999 against 1000)'],
  ['CANCEL_MARK_TTL_MS', '1m', 'CANCEL_MARK_TTL_MS must be a whole number (it is "1m")'],
  ['BLIND_CANCEL_MS', '60001', 'BLIND_CANCEL_MS must be a whole number from 0 to 60000 (it is "60001")'],
  ['DRAIN_TIMEOUT_MS', '-1', 'DRAIN_TIMEOUT_MS must be a whole number (it is "-1")'],
  ['TASK_RETENTION_DAYS', '0', 'TASK_RETENTION_DAYS must be a whole number from 1 to 36500 (it is "0")'],
  ['EVENTS_PER_TASK', '15', 'EVENTS_PER_TASK must be a whole number from 16 to 1000000 (it is "15")'],
  ['EVENTS_TTL_MS', '86400001', 'EVENTS_TTL_MS must be a whole number from 1000 to 86400000 (it is "86400001")'],
  ['ZOMBIE_AFTER_MS', '1e3', 'ZOMBIE_AFTER_MS must be a whole number (it is "1e3")'],
  ['SHIELD_TIMEOUT_MS', '3600001', 'SHIELD_TIMEOUT_MS must be a whole number from 1 to 3600000 (it is "3600001")'],
  ['DISCONNECT_PROPAGATION', 'maybe', 'DISCONNECT_PROPAGATION must be one of abort, ignore (it is "maybe")'],
] as const;

describe('the configuration', () => {
  it('is described here variable by variable, none left out', () => {
    const source = readFileSync(new URL('./load-config.ts', import.meta.url), 'utf8');
    const declared = [...source.matchAll(/^ {2}([A-Z][A-Z_]+):/gm)].map(([, name]) => name);
    expect(VARIABLES.map(({ name }) => name)).toEqual(declared);
  });

  it.each(VARIABLES)(
    'takes $byDefault for $name where it is absent or empty, and else what is given',
    ({ name, read, byDefault, given, becomes, along }) => {
      expect(read(loadConfig({}))).toEqual(byDefault);
      expect(read(loadConfig({ [name]: '' }))).toEqual(byDefault);
      expect(read(loadConfig({ ...along, [name]: given }))).toEqual(becomes);
    },
  );

  it.each(BAD)('refuses %s=%j in one line that names it', (name, value, message) => {
    const refusal = refusalOf({ [name]: value });
    expect(refusal).toBeInstanceOf(ConfigError);
    expect(refusal?.message).toBe(message);
    expect(message).not.toMatch(/\n|hunter2/);
  });

  it('names the first of several bad values', () => {
    expect(refusalOf({ PORT: 'x', LOG_LEVEL: 'y' })?.message).toMatch(/^PORT /);
  });

  it('is frozen to its depth', () => {
    const config = loadConfig({ ...AZURE, CORS_ORIGINS: 'https://a.example' });
    const parts = [
      config,
      config.http,
      config.http.corsOrigins,
      config.log,
      config.database,
      config.llm,
      config.llm.azure,
      config.auth,
      config.tasks,
      config.events,
      config.metrics,
      config.abort,
    ];
    expect(parts.filter((part) => !Object.isFrozen(part))).toEqual([]);
  });

  it.each(['JWT_SECRET', 'JWKS_URL'])('is refused in production without a way to tell people apart, and taken with %s', (name) => {
    const production = { NODE_ENV: 'production', JWT_SECRET: '', JWKS_URL: '' };
    expect(refusalOf(production)?.message).toMatch(/^JWT_SECRET or JWKS_URL must be set in production[^\n]*$/);
    expect(loadConfig({ ...production, [name]: name === 'JWT_SECRET' ? SECRET : 'https://id.example/jwks' }).isProduction).toBe(true);
  });

  it.each(Object.keys(AZURE).slice(1))('is refused for Azure without %s', (name) => {
    const refusal = refusalOf({ ...AZURE, [name]: '' });
    expect(refusal).toBeInstanceOf(ConfigError);
    expect(refusal?.message).toBe(`${name} must be set when LLM_MODEL is azure_openai:…`);
  });

  it('leaves Azure aside while another provider is named', () => {
    expect(loadConfig({ ...AZURE, LLM_MODEL: 'openai:gpt-4o' }).llm.azure).toBeUndefined();
  });

  it.each([
    [{}, true],
    [{ OPENAI_API_KEY: 'sk-1' }, false],
    [{ OPENAI_BASE_URL: 'http://127.0.0.1:1/v1' }, false],
    [{ LLM_MODEL: 'ollama:qwen3' }, false],
    [AZURE, false],
  ])('answers with the built-in model only where nothing else is named: %j is %s', (env, isOffline) => {
    expect(loadConfig(env).llm.isOffline).toBe(isOffline);
  });
});

function refusalOf(env: Record<string, string>): Error | undefined {
  try {
    loadConfig(env);
    return undefined;
  } catch (error) {
    return error as Error;
  }
}

describe('the model that sees', () => {
  const visionModel = (env: Record<string, string>) => loadConfig(env).llm.visionModel;

  it.each<Record<string, string>>([
    { VISION_MODEL: 'ollama:llava' },
    { VISION_MODEL: 'openai:llava', OPENAI_BASE_URL: 'http://127.0.0.1:11434/v1' },
    { ...AZURE, VISION_MODEL: 'azure_openai:gpt-4o' },
    { ...AZURE, VISION_MODEL: 'openai:gpt-4o', OPENAI_API_KEY: 'sk-1' },
    { LLM_MODEL: 'anthropic:claude-haiku-4-5', VISION_MODEL: 'openai:gpt-4o', OPENAI_API_KEY: 'sk-1' },
  ])('may be of a provider of its own: %j', (env) => expect(visionModel(env)).toBe(env.VISION_MODEL));

  it('is never the built-in one, also where Azure answers everything else', () => {
    expect(refusalOf({ ...AZURE, VISION_MODEL: 'openai:gpt-4o' })?.message).toMatch(/^VISION_MODEL needs OPENAI_API_KEY [^\n]*$/);
    expect(visionModel({ LLM_MODEL: 'openai:gpt-4o' })).toBeUndefined();
  });

  it('is the deployment of the chat model on Azure where no other is named', () => {
    expect(loadConfig(AZURE).llm.azure?.visionDeployment).toBe('chat');
  });
});

describe('embeddings', () => {
  const embedsOffline = (env: Record<string, string>) => loadConfig(env).llm.embedsOffline;

  it('come from the built-in model where no server that speaks OpenAI is named', () => {
    expect(embedsOffline({})).toBe(true);
    expect(embedsOffline({ LLM_MODEL: 'anthropic:claude-haiku-4-5' })).toBe(true);
    expect(embedsOffline({ LLM_MODEL: 'anthropic:claude-haiku-4-5', OPENAI_API_KEY: 'sk-x' })).toBe(false);
    expect(embedsOffline({ OPENAI_BASE_URL: 'http://127.0.0.1:11434/v1' })).toBe(false);
  });
});
