import type { ModelCall } from '../llm/offline/index.js';

/** `call 2 (quiz)`: how messages name a call. */
export function nameCall({ id, purpose }: ModelCall): string {
  return `call ${id} (${purpose})`;
}

/** What a journal holds, for the message of a failure. */
export function describeJournal(journal: readonly ModelCall[]): string {
  const lines = journal.map(({ id, purpose, chunksSent, outcome }) => `#${id} ${purpose}: ${outcome ?? 'running'}, ${chunksSent} chunks`);
  return `The journal: ${lines.join('; ') || 'no call at all'}.`;
}
