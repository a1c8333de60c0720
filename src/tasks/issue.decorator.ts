import { randomUUID } from 'node:crypto';
import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import { readIssue, type Issue } from './issue.js';

interface Request {
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
}

interface Reply {
  header(name: string, value: string): unknown;
}

export type { Issue } from './issue.js';

/** What the client of a cancel says of itself in headers. Throws `validation_failed` that names the header. */
export const Issuer = createParamDecorator((_: unknown, context: ExecutionContext): Issue =>
  readIssue(context.switchToHttp().getRequest<Request>().headers),
);

/** An issue whose task has its id: the client's, or one made here. */
export type Issued = Issue & { readonly taskId: string; readonly isClientChosen: boolean };

/**
 * What the client says in headers of the task that this request creates. Its id is told back in `X-Task-Id`, so that answer, errors,
 * logs and ledger speak of the same task. Throws `validation_failed` that names the header.
 */
export const TaskIssue = createParamDecorator((_: unknown, context: ExecutionContext): Issued => {
  const http = context.switchToHttp();
  const issue = readIssue(http.getRequest<Request>().headers);
  const taskId = issue.taskId ?? randomUUID();
  http.getResponse<Reply>().header('X-Task-Id', taskId);
  return { ...issue, taskId, isClientChosen: issue.taskId !== undefined };
});
