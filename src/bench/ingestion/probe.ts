import { Agent, get } from 'node:http';
import { performance } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import { serve } from '../harness/serve.js';

const agent = new Agent({ keepAlive: true, maxSockets: 64 });
let latencies: number[] = [];
let isProbing = false;
let probing: Promise<void> = Promise.resolve();

/** Asks at fixed times, whether or not the answers before have come: a server that stands still is not spared what it keeps waiting. */
async function probe(url: string, everyMs: number): Promise<void> {
  const asked: Promise<void>[] = [];
  for (let due = performance.now(); isProbing; due += everyMs) {
    await delay(Math.max(0, due - performance.now()));
    asked.push(ask(url, due));
  }
  await Promise.all(asked);
}

/** Milliseconds from when it was due. */
function ask(url: string, due: number): Promise<void> {
  return new Promise((resolve, reject) => {
    get(url, { agent }, (response) => {
      response.resume();
      response.once('end', () => {
        latencies.push(performance.now() - due);
        resolve();
      });
    }).once('error', reject);
  });
}

/** Asks one URL again and again, and says how long the answers took. */
const api = {
  start(url: string, everyMs: number): void {
    latencies = [];
    isProbing = true;
    probing = probe(url, everyMs);
  },
  async stop(): Promise<number[]> {
    isProbing = false;
    await probing;
    return latencies;
  },
};
export type Probe = typeof api;

serve(api, () => agent.destroy());
