import type { CallOptions } from '../../src/testing/index.js';
import { quizOf } from '../support/lessons.js';
import type { Issuer, Plan, PlannedTask, Request, Step } from './plan.js';

type Create = Extract<Step, { do: 'create' | 'create-other' }>;

export function isCreate(step: Step): step is Create {
  return step.do === 'create' || step.do === 'create-other';
}

/** Ends with the task, and so not before it is let go. */
export function isRead(step: Step): step is Extract<Step, { do: 'read' }> {
  return step.do === 'read';
}

/** A step as it goes over the wire. Each task is made from a lesson, and any other body under its id from another one. */
export function toCall(request: Request, plan: Plan, lessons: readonly number[], otherLessons: readonly number[]): CallOptions {
  const taskOf = (task: number): PlannedTask => plan.tasks[task] ?? { id: '', scopes: [], pace: { delays: [0, 0, 0] } };
  const headers = headersOf(request);
  switch (request.do) {
    case 'create':
      return post('/api/quizzes/generate', quizOf(lessons[request.task] ?? 0), { ...headers, ...taskHeaders(taskOf(request.task)) });
    case 'create-other':
      return post('/api/quizzes/generate', quizOf(otherLessons[request.task] ?? 0), { ...headers, ...taskHeaders(taskOf(request.task)) });
    case 'look':
      return { path: `/api/tasks/${taskOf(request.task).id}`, headers };
    case 'read':
      return { path: `/api/tasks/${taskOf(request.task).id}/events${request.isAttached ? '?attach=1' : ''}`, headers };
    case 'stranger':
      return post(`/api/tasks/${taskOf(request.task).id}/cancel`, { pending: request.isPending }, headers);
    case 'cancel':
      return post(`/api/tasks/${taskOf(request.task).id}/cancel`, { pending: request.isPending, wait_ms: request.waitMs }, headers);
    case 'cancel-list':
      return post('/api/tasks/cancel', { ids: request.tasks.map((task) => taskOf(task).id), wait_ms: request.waitMs }, headers);
    case 'cancel-many':
      return post('/api/tasks/cancel', { scope: request.scope, kind: request.kind, wait_ms: request.waitMs }, headers);
    case 'cancel-project':
      return post(`/api/projects/${request.project}/cancel-tasks`, { wait_ms: request.waitMs }, headers);
  }
}

function post(path: string, body: object, headers: Record<string, string>): CallOptions {
  return { method: 'POST', path, body, headers };
}

function headersOf({ client, issuedAt }: Issuer): Record<string, string> {
  return { ...(client !== undefined && { 'x-client-id': client }), ...(issuedAt !== undefined && { 'x-issued-at': String(issuedAt) }) };
}

function taskHeaders({ id, scopes, deadlineMs, onDisconnect }: PlannedTask): Record<string, string> {
  return {
    'x-task-id': id,
    ...(scopes.length > 0 && { 'x-scope': scopes.join(',') }),
    ...(deadlineMs !== undefined && { 'x-deadline-ms': String(deadlineMs) }),
    ...(onDisconnect !== undefined && { 'x-on-disconnect': onDisconnect }),
  };
}
