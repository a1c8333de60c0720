import { styleText } from 'node:util';
import type { Bill } from './bill.js';
import type { Happening } from './timeline.js';

const number = new Intl.NumberFormat('en-GB');

/** `styleText` colours a terminal only, and none where `NO_COLOR` is set. */
export const heading = (text: string): string => styleText('bold', text);
export const faint = (text: string): string => styleText('dim', text);
export const strong = (text: string): string => styleText('green', text);

export function say(...lines: string[]): void {
  process.stdout.write(`${lines.join('\n')}\n`);
}

export function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}

export function sum({ promptTokens, completionTokens, dollars }: Bill): string {
  return `${tokens(promptTokens, completionTokens)}   $${dollars.toFixed(6)}`;
}

export function question({ prompt, options }: { prompt: string; options: readonly string[] | null }, index: number): string {
  return `   ${index + 1}. ${prompt}${options ? faint(`   ${options.join(' · ')}`) : ''}`;
}

export function happening({ ms, who, what }: Happening): string {
  return `   ${ms.toFixed(1).padStart(6)}  ${who.padEnd(14)}${what}`;
}

export function bookings({ calls }: Bill): string[] {
  return calls.map(({ stage, outcome, prompt_tokens, completion_tokens, is_exact }) => {
    const count = tokens(prompt_tokens, completion_tokens);
    return `   ${stage.padEnd(18)}${outcome.padEnd(11)}${count}   ${is_exact ? 'exact' : 'estimated'}`;
  });
}

function tokens(prompt: number, completion: number): string {
  return `${number.format(prompt).padStart(5)} prompt + ${number.format(completion).padStart(3)} completion tokens`;
}
