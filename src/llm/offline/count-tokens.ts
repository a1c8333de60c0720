import o200kBase from 'js-tiktoken/ranks/o200k_base';
import { countWordTokens, unpackRanks, type Ranks } from './byte-pairs.js';
import { countImageTokens } from './count-image-tokens.js';
import { messageImages, messageText, type ChatMessage } from './openai-wire.js';

const TOKENS_PER_MESSAGE = 3;
const TOKENS_PER_NAME = 1;
const TOKENS_OF_PRIMING = 3;

/** The encoding makes tokens of each match by itself. */
const WORDS = new RegExp(o200kBase.pat_str, 'gu');

let ranks: Ranks | undefined;

/**
 * The number of tokens of a text in `o200k_base`, the encoding of gpt-4o and its successors: exact, and in a time that depends on the
 * length of the text and not on what stands in it. Names of special tokens in the text are text. The first call reads the encoding,
 * which takes about a tenth of a second.
 */
export function countTokens(text: string): number {
  if (text === '') return 0;
  ranks ??= unpackRanks(o200kBase.bpe_ranks);
  let count = 0;
  for (const [word] of text.matchAll(WORDS)) count += countWordTokens(Buffer.from(word).toString('latin1'), ranks);
  return count;
}

/**
 * The prompt tokens of a chat, with the overhead that OpenAI publishes: 3 for each message, 1 for a name, 3 to prime the answer. Exact
 * for texts; images are counted as the named model bills them (`countImageTokens`).
 */
export function countPromptTokens(messages: readonly ChatMessage[], model = ''): number {
  return messages.reduce((sum, message) => sum + countMessage(message, model), TOKENS_OF_PRIMING);
}

function countMessage(message: ChatMessage, model: string): number {
  const name = message.name === undefined ? 0 : countTokens(message.name) + TOKENS_PER_NAME;
  const images = messageImages(message).reduce((sum, url) => sum + countImageTokens(url, model), 0);
  return TOKENS_PER_MESSAGE + countTokens(message.role) + countTokens(messageText(message)) + images + name;
}
