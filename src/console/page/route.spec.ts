import { describe, expect, it } from '@jest/globals';
import { hrefOf, parseRoute, type Route } from './route.js';

const ROUTES: readonly (readonly [href: string, route: Route])[] = [
  ['#/tasks', { name: 'tasks', state: 'all' }],
  ['#/tasks?state=live&kind=analysis&scope=project%3A5', { name: 'tasks', state: 'live', kind: 'analysis', scope: 'project:5' }],
  ['#/tasks/8a4b7c50-92f5', { name: 'task', id: '8a4b7c50-92f5' }],
  ['#/quiz', { name: 'quiz' }],
  ['#/money', { name: 'money', days: 30 }],
  ['#/money?days=7', { name: 'money', days: 7 }],
];

describe('what the address says', () => {
  it.each(ROUTES)('reads %s, and writes it so', (href, route) => {
    expect(parseRoute(href)).toEqual(route);
    expect(hrefOf(route)).toBe(href);
  });

  it.each(['', '#', '#/', '#/nowhere', '#/tasks?state=lost&kind=', '#/tasks/', '#/tasks/%'])('takes %s for the list of tasks', (href) => {
    expect(parseRoute(href)).toEqual({ name: 'tasks', state: 'all' });
  });

  it('takes a range that there is none of for the usual one', () => {
    expect(parseRoute('#/money?days=8')).toEqual({ name: 'money', days: 30 });
  });
});
