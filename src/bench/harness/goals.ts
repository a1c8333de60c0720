import { printTable } from './table.js';

/** One thing that was promised, and what came of it in this run. */
export interface Goal {
  readonly what: string;
  readonly goal: string;
  readonly measured: string;
  readonly isMet: boolean;
}

/** Writes what was promised beside what was measured. */
export function printGoals(goals: readonly Goal[]): void {
  const rows = goals.map(({ what, goal, measured, isMet }) => [what, goal, measured, isMet ? 'met' : 'NOT MET']);
  printTable('Goals', ['', 'goal', 'measured', ''], rows);
}
