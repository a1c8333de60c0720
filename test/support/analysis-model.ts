import type { ChatRequest, ModelCall } from '../../src/llm/offline/index.js';
import type { ScriptedModelServer } from '../../src/testing/index.js';
import type { Machine } from './project-client.js';
import { materialOf } from './quiz-model.js';

/** The names of the two kinds of calls that an analysis makes. */
export const RECOMMENDATION = 'recommendation';
export const SUMMARY = 'analysis_summary';

/** A consultant who says the same of every machine: half of it is enough. */
export function adviceOn({ id, monthly_cost_usd }: Machine) {
  const action = monthly_cost_usd > 200 ? 'resize to half' : 'keep';
  return { action, reason: `${id} is what it is.`, confidence: 0.5, estimated_saving: action === 'keep' ? 0 : monthly_cost_usd / 2 };
}

export const SUMMED_UP = { summary: 'Half of it is enough.', highlights: ['The large ones are too large.'] };

/** Answers as that consultant does, from what the prompt has of a machine. */
export function advise({ text = (request: ChatRequest) => JSON.stringify(adviceOn(machineIn(request))) } = {}) {
  return { text };
}

/** From now on every call of an analysis is answered. */
export function consult(model: ScriptedModelServer): void {
  model.script(RECOMMENDATION, advise());
  model.script(SUMMARY, { text: JSON.stringify(SUMMED_UP) });
}

function machineIn(request: ChatRequest): Machine {
  return materialOf(request).resource as Machine;
}

/** The machine that a call is about; `undefined` for a call that is about none. */
export function machineOf(call: ModelCall): Machine | undefined {
  return call.kind === 'chat' && call.purpose === RECOMMENDATION ? machineIn(call.request) : undefined;
}

/** Picks the calls about machines from this one on, in the order of `machines`. */
export function from(first: number): (call: ModelCall) => boolean {
  return (call) => Number(machineOf(call)?.id.slice('vm-'.length)) >= first;
}

/** Picks the calls about one machine. */
export function about(id: string): (call: ModelCall) => boolean {
  return (call) => machineOf(call)?.id === id;
}

/** How many of these calls were under way at the same time at most. */
export function mostAtOnce(calls: readonly ModelCall[]): number {
  const under = (at: number): number => calls.filter(({ receivedAt, endedAt = Infinity }) => receivedAt <= at && at < endedAt).length;
  return Math.max(...calls.map(({ receivedAt }) => under(receivedAt)));
}
