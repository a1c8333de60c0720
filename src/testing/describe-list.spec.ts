import { expect, it } from '@jest/globals';
import { describeList } from './describe-list.js';

it('A list that may be long says once what is there several times, and how much it leaves out', () => {
  expect(describeList([])).toBe('');
  expect(describeList(['stop', 'onAbort', 'stop'])).toBe('stop (2), onAbort');
  const many = Array.from({ length: 12 }, (_, i) => `timer ${i}`);
  expect(describeList(many.slice(0, 10), '\n')).toBe(many.slice(0, 10).join('\n'));
  expect(describeList(many)).toBe(`${many.slice(0, 10).join(', ')}, and 2 more`);
});
