/** How many LLM calls there are of each stage, by its name. */
export type StageTally = Readonly<Record<string, number>>;

/** What the stages of all items are called together: `file classify` for `file 3/40 classify`. `stageNameIn` says it in SQL. */
export function stageName(stage: string): string {
  return stage.replace(/ \d+\/\d+/, '');
}

/** Counts the stages of calls by their names. */
export function tallyStages(stages: readonly string[]): StageTally {
  const counts = new Map<string, number>();
  for (const stage of stages) {
    const name = stageName(stage);
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  return Object.fromEntries(counts);
}
