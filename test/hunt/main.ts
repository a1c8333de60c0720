import { parseArgs } from 'node:util';
import { BuiltApp } from '../support/built-app.js';
import { hunt, type HuntReport, type Violation } from './hunt.js';

/**
 * `npm run hunt -- --runs 10000 --seed 42`: races creates, cancels, retries, disconnects and disasters against each other over several
 * instances. `--only 17 --runs 50` plays run 17 of the seed fifty times. Ends with 1 where something did not hold.
 */
const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    runs: { type: 'string', default: '10000' },
    only: { type: 'string' },
    lanes: { type: 'string', default: '12' },
    instances: { type: 'string', default: '2' },
    /** How many violations are told in full: one fault often has many. */
    stories: { type: 'string', default: '5' },
    'freeze-one-in': { type: 'string', default: '200' },
    'kill-one-in': { type: 'string', default: '2000' },
  },
});

let told = 0;

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

function printViolation({ index, faults, story }: Violation): void {
  print(`VIOLATION in run ${index}\n${faults.map((fault) => `  ${fault}`).join('\n')}`);
  if (told++ < Number(values.stories)) print(story);
}

function printReport({ violations, runs, seconds, ends, leasesLost, leftovers, freezes, kills, complaints }: HuntReport): void {
  print(`${runs} runs in ${seconds.toFixed(1)} s (${(runs / seconds).toFixed(1)} a second), ${freezes} freezes, ${kills} kills`);
  for (const [end, count] of Object.entries(ends).sort()) print(`  ${String(count).padStart(6)} ${end}`);
  if (leasesLost > 0) print(`${leasesLost} runs lost a lease though nothing had been done to the instance`);
  for (const left of leftovers) print(`  LEFT OVER ${JSON.stringify(left)}`);
  for (const [line, count] of countsOf(complaints)) print(`  ${String(count).padStart(6)} times logged: ${line}`);
  print(
    violations.length === 0
      ? 'No violation.'
      : `${violations.length} VIOLATIONS in runs ${violations.map(({ index }) => index).join(', ')}`,
  );
}

/** Ids do not matter here. */
function countsOf(lines: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const line of lines.map((each) => each.replace(/[0-9a-f-]{36}/g, '…'))) counts.set(line, (counts.get(line) ?? 0) + 1);
  return counts;
}

const seed = Number(values.seed);
print(`seed ${seed}`);
const built = BuiltApp.beside();
const report = await hunt(built, {
  seed,
  runs: Number(values.runs),
  only: values.only === undefined ? undefined : Number(values.only),
  lanes: Number(values.lanes),
  instances: Number(values.instances),
  freezeOneIn: Number(values['freeze-one-in']),
  killOneIn: Number(values['kill-one-in']),
  onViolation: printViolation,
  onProgress: (done) => print(`${done} runs`),
});
await built.remove();
printReport(report);
process.exitCode = report.violations.length + report.leftovers.length > 0 ? 1 : 0;
