export { Budgets, type Standing } from './budgets.js';
export { Llm, type ChatCall, type StructuredCall } from './llm.js';
export { NO_USAGE, type TaskUsage } from './llm-calls.repository.js';
export { LlmModule } from './llm.module.js';
export { materialPrompt, type ChatMessage, type ContentPart, type ImagePart, type TextMessage } from './messages.js';
export { Models } from './models.js';
export { countTokens } from './offline/index.js';
export { costOf, PRICES, PRICES_AS_OF, PriceTable } from './prices.js';
export { UPSTREAM_PROBLEMS } from './upstream-error.js';
