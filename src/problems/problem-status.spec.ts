import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';
import { FAILURES, PROBLEMS } from './problem-status.js';

const ROOT = fileURLToPath(new URL('../', import.meta.url));

/** The codes of `new DomainError('…'` in the sources, each with the files that throw it. */
function thrownCodes(): Map<string, string[]> {
  const codes = new Map<string, string[]>();
  const sources = globSync('**/*.ts', { cwd: ROOT }).filter((path) => !path.endsWith('.spec.ts'));
  for (const path of sources) {
    const found = readFileSync(join(ROOT, path), 'utf8').matchAll(/new DomainError\(\s*'([^']+)'/g);
    for (const [, code = ''] of found) codes.set(code, [...(codes.get(code) ?? []), path]);
  }
  return codes;
}

describe('the codes of problems', () => {
  const known = Object.keys({ ...PROBLEMS, ...FAILURES });
  const thrown = thrownCodes();

  it('are found in the sources', () => {
    expect(thrown.get('quiz_not_found')).toContain('quizzes/quiz.service.ts');
    expect(thrown.get('upstream_rate_limited')).toContain('llm/upstream-error.ts');
  });

  it('all have a status: one without would be answered as an internal error', () => {
    const unknown = [...thrown].filter(([code]) => !known.includes(code)).map(([code, paths]) => `${code} in ${paths.join(', ')}`);
    expect(unknown).toEqual([]);
  });

  it('are all thrown somewhere: one that nobody throws promises what cannot happen', () => {
    expect(known.filter((code) => !thrown.has(code))).toEqual([]);
  });

  it('are written as literals, so that they can be looked up', () => {
    const computed = globSync('**/*.ts', { cwd: ROOT }).filter((path) => {
      const source = readFileSync(join(ROOT, path), 'utf8');
      return !path.endsWith('.spec.ts') && /new DomainError\(\s*[^'\s]/.test(source);
    });
    expect(computed).toEqual([]);
  });
});
