export { countPromptTokens, countTokens } from './count-tokens.js';
export { chunkText } from './chunk-text.js';
export type { CallKind, CallOf, CallOutcome, CallRequests, ChatCall, EmbeddingsCall, ModelCall } from './model-call.js';
export { ModelServer, type ModelServerOptions } from './model-server.js';
export type { ModelServerHooks, Reply } from './model-server-hooks.js';
export { OfflineModel } from './offline-model.js';
export { OFFLINE_CHAT_MODEL, OFFLINE_EMBEDDING_MODEL, startOfflineModel, type OfflineModelOptions } from './offline-model-server.js';
export type { ChatMessage, ChatRequest, ContentPart, EmbeddingsRequest } from './openai-wire.js';
export { EMBEDDING_DIMENSIONS, type Grade, type Passage, type QuestionType, type QuizQuestion, type Verdict } from './rules/index.js';
