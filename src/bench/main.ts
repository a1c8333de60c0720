import { availableParallelism, loadavg } from 'node:os';
import { measureCheckpoint } from './checkpoint/checkpoint.js';
import { measureDisconnect } from './disconnect/disconnect.js';
import { printGoals, type Goal } from './harness/goals.js';
import { number, print } from './harness/table.js';
import { measureHeap } from './heap/heap.js';
import { measureOverhead } from './overhead/overhead.js';

/**
 * `npm run bench`: what the module costs a route, how soon a hang-up reaches the model, what is left behind, what a look costs.
 * Everything runs on loopback in processes of its own, against a baseline of the same run. Takes about three minutes.
 */
function printMachine(): void {
  const load = number(loadavg()[0] ?? 0, 1);
  print(`Node ${process.version}, ${availableParallelism()} cores, load average ${load} at the start`);
}

printMachine();
const goals: Goal[] = [];
for (const measure of [measureOverhead, measureDisconnect, measureHeap, measureCheckpoint]) goals.push(...(await measure()));
printGoals(goals);
