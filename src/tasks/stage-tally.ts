/** How many LLM calls there are of each stage. Stages of items count as one: `file 3/40 classify` as `file classify`. */
export type StageTally = Readonly<Record<string, number>>;

const PLACE = / \d+\/\d+/;

/** Counts the stages of calls, without which item of how many it is. */
export function tallyStages(stages: readonly string[]): StageTally {
  const counts = new Map<string, number>();
  for (const stage of stages) {
    const name = stage.replace(PLACE, '');
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  return Object.fromEntries(counts);
}
