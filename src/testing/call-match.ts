import type { ModelCall } from '../llm/offline/index.js';

/** Which calls are meant: a purpose (the name of the JSON schema asked for, else `chat`; `embeddings`) or a condition. */
export type CallMatch = string | ((call: ModelCall) => boolean);

export function toCondition(match: CallMatch): (call: ModelCall) => boolean {
  return typeof match === 'string' ? ({ purpose }) => purpose === match : match;
}

/** How messages name the calls that are meant. */
export function nameMatch(match: CallMatch): string {
  return typeof match === 'string' ? match : 'a matching call';
}
