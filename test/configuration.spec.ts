import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { loadConfig } from '../src/config/index.js';

const read = (path: string): string => readFileSync(new URL(`../${path}`, import.meta.url), 'utf8');

/** The variables that the program reads, and their defaults as they stand in the source. */
const DECLARED = new Map(
  [...read('src/config/load-config.ts').matchAll(/^ {2}([A-Z][A-Z_]+): ((?:[^,]|,(?!\n {2}[A-Z]|\n\}))*)/gm)].map(
    ([, name = '', rule = '']) => [name, /\.default\(([^`)]*)\)/.exec(rule)?.[1]?.replaceAll(/['_]/g, '')],
  ),
);

/** The rows of the documentation's tables: a variable, and its second cell. */
const DOCUMENTED = new Map(
  [...read('docs/configuration.md').matchAll(/^\| `([A-Z][A-Z_]+)` +\| +([^|]*?) +\|/gm)].map(([, name = '', cell = '']) => [name, cell]),
);

const EXAMPLES = [...read('.env.example').matchAll(/^# ([A-Z][A-Z_]+)=(.*)$/gm)].map(([, name = '', value = '']) => [name, value] as const);

describe('the documentation of the configuration', () => {
  it('has a row for each variable that is read, and none besides', () => {
    expect(DECLARED.size).toBeGreaterThan(30);
    expect([...DOCUMENTED.keys()].toSorted()).toEqual([...DECLARED.keys()].toSorted());
  });

  it('gives each default that is a plain value as the source has it', () => {
    const plain = [...DECLARED].filter(([, value]) => value !== undefined && value !== '');
    expect(plain.length).toBeGreaterThan(20);
    expect(plain.filter(([name, value]) => DOCUMENTED.get(name) !== `\`${value ?? ''}\``)).toEqual([]);
  });

  it('has an example file in which every variable stands, each with a value that a start would take', () => {
    expect(EXAMPLES.map(([name]) => name).toSorted()).toEqual([...DECLARED.keys()].toSorted());
    const along = { JWT_SECRET: 'x'.repeat(32), OPENAI_BASE_URL: 'http://127.0.0.1:11434/v1' };
    for (const [name, value] of EXAMPLES) expect(() => loadConfig({ ...along, [name]: value })).not.toThrow();
  });
});
