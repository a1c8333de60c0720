import type { TextMessage } from '../../src/llm/index.js';
import type { ChatCall, ModelCall } from '../../src/llm/offline/index.js';

/** The prompts of the calls for replies, in order of arrival. */
export function promptsOf(journal: readonly ModelCall[]): TextMessage[][] {
  return journal.flatMap((call) => (call.purpose === 'chat' ? [(call as ChatCall).request.messages as TextMessage[]] : []));
}

/** Picks the call for the reply to a message with these words. */
export function replyTo(words: string): (call: ModelCall) => boolean {
  return (call) => call.purpose === 'chat' && (call as ChatCall).request.messages.at(-1)?.content === words;
}

/** A text that takes the model at least so many chunks to say. */
export function longText(chunks: number): string {
  return 'word '.repeat(chunks).trim();
}
