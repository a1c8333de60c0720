import { eventually } from './eventually.js';

export interface GrowthOptions {
  /** How often the round is done before anything is counted, so that pools and caches are warm. Default 1. */
  readonly warmUps?: number;
  /** How often it is done between the two counts. Default 8. */
  readonly rounds?: number;
  /** Counts of your own that may not grow either: busy connections, live tasks, open rows. */
  readonly counts?: Readonly<Record<string, () => number | Promise<number>>>;
  /** By how much a count may be higher in the end. Default 0 for each. */
  readonly slack?: Readonly<Record<string, number>>;
  /** How long a count may take to come down after the last round. Default 5000. */
  readonly timeoutMs?: number;
}

/** How many there are of each kind: Node's resources that keep the process alive, as `Timeout` and `TCPSocketWrap`, and counts of your own. */
export type Census = Readonly<Record<string, number>>;

/**
 * Asserts that a round of work, done again and again, leaves no more behind than it does at first: no timer, no socket, nothing that keeps
 * the process alive and that Node knows, and no count of your own has grown. Rejects with the counts that did.
 */
export async function expectNoGrowth(round: () => unknown, options: GrowthOptions = {}): Promise<void> {
  const { warmUps = 1, rounds = 8, counts = {}, slack = {}, timeoutMs = 5000 } = options;
  await repeat(warmUps, round);
  const before = await takeCensus(counts);
  await repeat(rounds, round);
  const look = async (): Promise<void> => {
    const grown = growth(before, await takeCensus(counts), slack);
    if (grown.length > 0) throw new Error(grown.join(', '));
  };
  await eventually(look, { timeoutMs, message: `More is left after ${rounds} rounds than before them` });
}

/** What there is now. */
export async function takeCensus(counts: NonNullable<GrowthOptions['counts']> = {}): Promise<Census> {
  const census: Record<string, number> = {};
  for (const kind of process.getActiveResourcesInfo()) census[kind] = (census[kind] ?? 0) + 1;
  for (const [name, count] of Object.entries(counts)) census[name] = await count();
  return census;
}

function growth(before: Census, after: Census, slack: Census): string[] {
  const grown = Object.entries(after).filter(([kind, count]) => count > (before[kind] ?? 0) + (slack[kind] ?? 0));
  return grown.map(([kind, count]) => `${kind}: ${count} instead of ${before[kind] ?? 0}`);
}

async function repeat(times: number, work: () => unknown): Promise<void> {
  for (let i = 0; i < times; i += 1) await work();
}
