export const TASK_FILTERS = ['all', 'live', 'completed', 'cancelled', 'failed'] as const;
export type TaskFilter = (typeof TASK_FILTERS)[number];

/** The list of tasks, or some of them. */
export interface TasksRoute {
  readonly name: 'tasks';
  readonly state: TaskFilter;
  readonly kind?: string;
  readonly scope?: string;
}

/** What is shown, as the fragment of the address says: so that back, forward and a link to it do what they should. */
export type Route =
  | TasksRoute
  | { readonly name: 'task'; readonly id: string }
  | { readonly name: 'quiz' }
  | { readonly name: 'money'; readonly days: number };

export const RANGES = [7, 30, 90, 365] as const;
const DEFAULT_DAYS = 30;

/** What is not understood is the list of tasks. */
export function parseRoute(fragment: string): Route {
  const [path = '', query = ''] = fragment.replace(/^#\/?/, '').split('?');
  const fields = new URLSearchParams(query);
  const [name, id] = path.split('/');
  if (name === 'tasks' && id && /^[\w-]+$/.test(id)) return { name: 'task', id };
  if (name === 'quiz') return { name };
  if (name === 'money') return { name, days: RANGES.find((days) => String(days) === fields.get('days')) ?? DEFAULT_DAYS };
  const state = TASK_FILTERS.find((filter) => filter === fields.get('state')) ?? 'all';
  return { name: 'tasks', state, ...given(fields, 'kind'), ...given(fields, 'scope') };
}

export function hrefOf(route: Route): string {
  if (route.name === 'task') return `#/tasks/${route.id}`;
  if (route.name === 'quiz') return '#/quiz';
  if (route.name === 'money') return route.days === DEFAULT_DAYS ? '#/money' : `#/money?days=${route.days}`;
  const { state, kind, scope } = route;
  const fields = new URLSearchParams({ ...(state !== 'all' && { state }), ...(kind && { kind }), ...(scope && { scope }) });
  return fields.size === 0 ? '#/tasks' : `#/tasks?${fields}`;
}

function given(fields: URLSearchParams, name: 'kind' | 'scope'): { kind?: string; scope?: string } {
  const value = fields.get(name)?.trim();
  return value ? { [name]: value } : {};
}
