import { readResource, type Fact, type ResourceFacts } from './read-resource.js';
import type { AnalyseResourceTask } from './tasks.js';

export interface Recommendation {
  readonly action: string;
  readonly reason: string;
  readonly confidence: number;
  readonly estimated_saving: number | null;
}

/** What a rule says, and the share of the cost that it saves; no share where nobody can tell. */
interface Advice {
  readonly action: string;
  readonly because: string;
  readonly confidence: number;
  readonly saves?: number;
}

type Rule = (facts: ResourceFacts) => Advice | undefined;

const ABANDONED = /^(?:idle|unused|unattached|detached|orphaned)$/;
const STOPPED = /^(?:stopped|deallocated|terminated|off|shut ?down|powered_?off)$/;
const LONG_IDLE_DAYS = 30;
/** Percent of what there is. */
const BARELY_USED = 5;
const HALF_WOULD_DO = 40;
const NEARLY_FULL = 85;

/** In this order: the first that has something to say is heard. */
const RULES: readonly Rule[] = [abandoned, stopped, barelyUsed, tooLarge, tooSmall, rightSize];

/** What is to be done about a resource, by rule, from the fields that `readResource` knows. The goal changes nothing. */
export function analyseResource({ resource }: AnalyseResourceTask): Recommendation {
  const facts = readResource(resource);
  for (const rule of RULES) {
    const advice = rule(facts);
    if (advice) return toRecommendation(advice, facts.monthlyCost);
  }
  const because = 'no field says how much of it is used, how long it has been idle or what state it is in';
  return toRecommendation({ action: 'review', because, confidence: 0.1 }, undefined);
}

function toRecommendation({ action, because, confidence, saves }: Advice, cost: Fact | undefined): Recommendation {
  const saving = saves === undefined || !cost ? null : round(saves * cost.value);
  const basis = cost && saves ? ` It costs ${round(cost.value)} a month (${cost.field}).` : '';
  const reason = `By a fixed rule, not by a model's judgement: ${because}.${basis}`;
  return { action, reason, confidence, estimated_saving: saves === 0 ? 0 : saving };
}

function abandoned({ state, idleDays }: ResourceFacts): Advice | undefined {
  if (state && ABANDONED.test(state.value))
    return { action: 'stop', because: `${state.field} is "${state.value}"`, confidence: 0.7, saves: 1 };
  if (!idleDays || idleDays.value < LONG_IDLE_DAYS) return undefined;
  return { action: 'stop', because: `${idleDays.field} is ${idleDays.value}, ${LONG_IDLE_DAYS} or more`, confidence: 0.7, saves: 1 };
}

/** What is stopped and still costs something is storage, addresses or a reservation. */
function stopped({ state, monthlyCost }: ResourceFacts): Advice | undefined {
  if (!state || !STOPPED.test(state.value)) return undefined;
  const because = `${state.field} is "${state.value}"`;
  if (!monthlyCost?.value) return { action: 'keep', because: `${because} and no cost is known`, confidence: 0.5, saves: 0 };
  return { action: 'delete', because: `${because} and it is still billed`, confidence: 0.5, saves: 1 };
}

function barelyUsed({ cpu, memory }: ResourceFacts): Advice | undefined {
  if (!cpu || Math.max(cpu.value, memory?.value ?? 0) >= BARELY_USED) return undefined;
  return { action: 'stop', because: `${usesOf(cpu, memory)}, below ${BARELY_USED}%`, confidence: memory ? 0.7 : 0.5, saves: 1 };
}

function tooLarge({ cpu, memory }: ResourceFacts): Advice | undefined {
  const most = mostOf(cpu, memory);
  if (most === undefined || most >= HALF_WOULD_DO) return undefined;
  const because = `${usesOf(cpu, memory)}, below ${HALF_WOULD_DO}%, so that half would do`;
  return { action: 'resize to half', because, confidence: cpu && memory ? 0.6 : 0.4, saves: 0.5 };
}

function tooSmall({ cpu, memory }: ResourceFacts): Advice | undefined {
  const most = mostOf(cpu, memory);
  if (most === undefined || most <= NEARLY_FULL) return undefined;
  return { action: 'resize to the next larger size', because: `${usesOf(cpu, memory)}, above ${NEARLY_FULL}%`, confidence: 0.5 };
}

function rightSize({ cpu, memory }: ResourceFacts): Advice | undefined {
  if (!cpu && !memory) return undefined;
  const because = `${usesOf(cpu, memory)}, between ${HALF_WOULD_DO}% and ${NEARLY_FULL}%`;
  return { action: 'keep', because, confidence: 0.6, saves: 0 };
}

function mostOf(cpu: Fact | undefined, memory: Fact | undefined): number | undefined {
  return cpu || memory ? Math.max(cpu?.value ?? 0, memory?.value ?? 0) : undefined;
}

function usesOf(...facts: readonly (Fact | undefined)[]): string {
  return facts
    .filter((fact) => fact !== undefined)
    .map(({ field, value }) => `${field} is ${value}%`)
    .join(' and ');
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}
