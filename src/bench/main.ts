import { availableParallelism, loadavg } from 'node:os';
import { measureCheckpoint } from './checkpoint/checkpoint.js';
import { measureDisconnect } from './disconnect/disconnect.js';
import { measureGrace } from './grace/grace.js';
import { printGoals, type Goal } from './harness/goals.js';
import { number, print } from './harness/table.js';
import { measureHeap } from './heap/heap.js';
import { measureIngestion } from './ingestion/ingestion.js';
import { measureOverhead } from './overhead/overhead.js';
import { measureStreams } from './streams/streams.js';

/**
 * `npm run bench`: what the module costs a route, how soon a hang-up reaches the model, what is left behind, what a look costs,
 * what others feel of a PDF that is read, what two thousand streams cut at once leave.
 * Everything runs on loopback in processes of its own, against a baseline of the same run. `npm run bench -- overhead` measures that
 * alone.
 */
function printMachine(): void {
  const load = number(loadavg()[0] ?? 0, 1);
  print(`Node ${process.version}, ${availableParallelism()} cores, load average ${load} at the start`);
}

const MEASUREMENTS: Readonly<Record<string, () => Promise<Goal[]>>> = {
  overhead: measureOverhead,
  disconnect: measureDisconnect,
  heap: measureHeap,
  checkpoint: measureCheckpoint,
  ingestion: measureIngestion,
  streams: measureStreams,
  grace: measureGrace,
};

const asked = process.argv.slice(2);
const unknown = asked.filter((name) => !Object.hasOwn(MEASUREMENTS, name));
if (unknown.length > 0)
  throw new Error(`There is no measurement ${unknown.join(', ')}; there are ${Object.keys(MEASUREMENTS).join(', ')}.`);
const chosen = asked.length > 0 ? asked : Object.keys(MEASUREMENTS);

printMachine();
const goals: Goal[] = [];
for (const name of chosen) goals.push(...((await MEASUREMENTS[name]?.()) ?? []));
printGoals(goals);
