import { randomUUID } from 'node:crypto';
import { createParamDecorator, type ExecutionContext } from '@nestjs/common';

interface Reply {
  header(name: string, value: string): unknown;
}

/** A new task's id, told to the client in `X-Task-Id`, so that answer, errors, logs and ledger speak of the same task. */
export const TaskId = createParamDecorator((_: unknown, context: ExecutionContext): string => {
  const id = randomUUID();
  context.switchToHttp().getResponse<Reply>().header('X-Task-Id', id);
  return id;
});
