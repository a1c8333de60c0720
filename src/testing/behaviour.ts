import type { ChatRequest, ModelCall, Reply } from '../llm/offline/index.js';
import { Gate } from './gate.js';

/**
 * What a scripted call does instead of answering at once. Chunks are content deltas of about one token each; a number of them that the
 * answer does not have is never reached. Parts may be put together: `{ hold: gate, text: 'late' }`.
 */
export type Behaviour =
  /** Waits at the gate before the first byte. */
  | { readonly hold: Gate }
  /** Waits at the gate when so many chunks have been sent. */
  | { readonly holdAfter: number; readonly gate: Gate }
  /** Answers with this HTTP status and body. */
  | { readonly status: number; readonly headers?: Readonly<Record<string, string>>; readonly body: unknown }
  /** Answers with this text. */
  | { readonly text: string | ((request: ChatRequest) => string) }
  /** Resets the connection before the first byte. */
  | { readonly reset: true }
  /** Resets the connection when so many chunks have been sent. */
  | { readonly resetAfter: number }
  /** Sends nothing more after so many chunks, until the client leaves. */
  | { readonly stallAfter: number };

/** The gates that a behaviour waits at. */
export function gatesOf(behaviour: Behaviour): Gate[] {
  const gates: Gate[] = [];
  if ('hold' in behaviour) gates.push(behaviour.hold);
  if ('gate' in behaviour) gates.push(behaviour.gate);
  return gates;
}

/** The behaviour at the start of a call. */
export async function behaveOnCall(behaviour: Behaviour, call: ModelCall): Promise<Reply | undefined> {
  if ('hold' in behaviour) await behaviour.hold.wait();
  if ('reset' in behaviour || 'status' in behaviour) return behaviour;
  if ('text' in behaviour && call.kind === 'chat') return { text: textFor(behaviour.text, call.request) };
  return undefined;
}

/** The behaviour when `sent` chunks have been sent. */
export async function behaveAfter(behaviour: Behaviour, sent: number): Promise<'reset' | undefined> {
  if ('holdAfter' in behaviour && behaviour.holdAfter === sent) await behaviour.gate.wait();
  if ('stallAfter' in behaviour && behaviour.stallAfter === sent) await new Gate().wait();
  return 'resetAfter' in behaviour && behaviour.resetAfter === sent ? 'reset' : undefined;
}

function textFor(text: string | ((request: ChatRequest) => string), request: ChatRequest): string {
  return typeof text === 'string' ? text : text(request);
}
