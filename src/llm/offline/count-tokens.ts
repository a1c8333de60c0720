import { Tiktoken } from 'js-tiktoken/lite';
import o200kBase from 'js-tiktoken/ranks/o200k_base';
import { messageText, type ChatMessage } from './openai-wire.js';

const TOKENS_PER_MESSAGE = 3;
const TOKENS_PER_NAME = 1;
const TOKENS_OF_PRIMING = 3;

/**
 * The encoder's time grows with the square of an unbroken run: 1,800 Chinese characters without punctuation took 2 s. Longer runs are
 * cut here, which costs at most one token of exactness a cut and touches no ordinary text.
 */
const LONG_RUN = /[\p{L}\p{M}]{64}(?=[\p{L}\p{M}])|[^\s\p{L}\p{N}]{64}|\s{64}/gu;

let encoder: Tiktoken | undefined;

/**
 * The number of tokens of a text in `o200k_base`, the encoding of gpt-4o and its successors. Names of special tokens in the text are
 * text. The first call builds the encoder, which takes about half a second.
 */
export function countTokens(text: string): number {
  if (text === '') return 0;
  encoder ??= new Tiktoken(o200kBase);
  let count = 0;
  for (const piece of pieces(text)) count += encoder.encode(piece, [], []).length;
  return count;
}

/** The prompt tokens of a chat, with the overhead that OpenAI publishes: 3 for each message, 1 for a name, 3 to prime the answer. */
export function countPromptTokens(messages: readonly ChatMessage[]): number {
  return messages.reduce((sum, message) => sum + countMessage(message), TOKENS_OF_PRIMING);
}

function countMessage(message: ChatMessage): number {
  const name = message.name === undefined ? 0 : countTokens(message.name) + TOKENS_PER_NAME;
  return TOKENS_PER_MESSAGE + countTokens(message.role) + countTokens(messageText(message)) + name;
}

function pieces(text: string): string[] {
  const cuts = Array.from(text.matchAll(LONG_RUN), ({ index, 0: run }) => index + run.length);
  return [0, ...cuts].map((from, i) => text.slice(from, cuts[i]));
}
