import { performance } from 'node:perf_hooks';
import autocannon, { type Result } from 'autocannon';
import { serve } from '../harness/serve.js';
import { percentile } from '../harness/statistics.js';

export interface LoadResult {
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

const CONNECTIONS = 16;
/** How often autocannon looks whether it is done. */
const SAMPLE_MS = 50;

/**
 * The load generator, in a process of its own. Rates and latencies are taken from the responses, because autocannon counts in whole
 * seconds and whole milliseconds.
 */
const api = {
  async run(url: string, requests: number): Promise<LoadResult> {
    const latencies: number[] = [];
    let lastAt = Number.NaN;
    const startedAt = performance.now();
    const done = Promise.withResolvers<Result>();
    const load = autocannon({ url, connections: CONNECTIONS, amount: requests, sampleInt: SAMPLE_MS }, (error: Error | null, result) =>
      error ? done.reject(error) : done.resolve(result),
    );
    load.on('response', (_client, _status, _bytes, ms) => {
      latencies.push(ms);
      lastAt = performance.now();
    });
    const { errors, non2xx } = await done.promise;
    if (errors + non2xx > 0) throw new Error(`${errors} requests failed, ${non2xx} were refused.`);
    return {
      perSecond: (latencies.length * 1000) / (lastAt - startedAt),
      p50Ms: percentile(latencies, 0.5),
      p99Ms: percentile(latencies, 0.99),
    };
  },
};
export type LoadGenerator = typeof api;

serve(api);
