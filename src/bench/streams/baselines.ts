import { setTimeout as delay } from 'node:timers/promises';
import { CONTESTANTS, openContestant, type Contestant } from '../disconnect/contestants.js';
import { startFlags } from '../harness/start-flags.js';
import { cutAll, type Surroundings } from './cut.js';

/** The first warms up. */
const ROUNDS = 3;
/** For what a cut has left to do. */
const REST_MS = 3000;

/** The worse of two rounds of one that keeps no books. */
export interface Baseline {
  readonly name: string;
  readonly closedMs: number;
  readonly blockMs: number;
}

const NAMES: readonly Contestant[] = ['plain-proxy', 'nest-gateway'];

/** The same crowd with less between it and the model: what two closed sockets a stream cost, and what the frameworks add. */
export async function measureBaselines(around: Surroundings, modelUrl: string, streams: number): Promise<Baseline[]> {
  const baselines: Baseline[] = [];
  for (const name of NAMES) baselines.push(await measure(name, around, modelUrl, streams));
  return baselines;
}

async function measure(name: Contestant, around: Surroundings, modelUrl: string, streams: number): Promise<Baseline> {
  await using server = openContestant(name, startFlags());
  const request = await server.call('start', modelUrl, {});
  const requests = Array.from({ length: streams }, () => request);
  const rounds: Omit<Baseline, 'name'>[] = [];
  for (let i = 0; i < ROUNDS; i += 1) {
    const { closedMs } = await cutAll(around, server, requests);
    await delay(REST_MS);
    rounds.push({ closedMs, blockMs: await server.call('longestBlock') });
  }
  const [, ...measured] = rounds;
  const worst = (field: 'closedMs' | 'blockMs'): number => Math.max(...measured.map((round) => round[field]));
  return { name: CONTESTANTS[name], closedMs: worst('closedMs'), blockMs: worst('blockMs') };
}
