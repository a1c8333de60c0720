import { Body, Controller, Get, HttpCode, Param, Post, Query, Res } from '@nestjs/common';
import { ApiBearerAuth, ApiHeader, ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import { RequestSignal } from '../abort/index.js';
import { CurrentUser, type User } from '../auth/index.js';
import { ApiAnswer, ApiProblems, DomainError } from '../problems/index.js';
import { sendEvents, SendsEvents, type EventReply } from '../sse/index.js';
import { cancelAnswer, stoppedOf, type CancelAnswer } from './cancel-answer.js';
import { Cancels } from './cancels.service.js';
import { taskEvent, type EventPosition } from './events/index.js';
import { TaskHistory } from './history.service.js';
import { Issuer, type Issue } from './issue.decorator.js';
import { LastEventId } from './last-event-id.decorator.js';
import { TaskStreams } from './task-streams.service.js';
import {
  cancelledTasks,
  cancelTaskBody,
  cancelTasksBody,
  followTaskQuery,
  listTasksQuery,
  taskIdParam,
  taskPage,
  taskResult,
  type CancelledTasks,
  type CancelTaskBody,
  type CancelTasksBody,
  type FollowTaskQuery,
  type ListTasksQuery,
  type TaskResult,
} from './tasks.dto.js';
import { taskView, type TaskView } from './task.js';

interface Reply {
  status(code: number): unknown;
}

@ApiTags('tasks')
@ApiBearerAuth()
@Controller('api/tasks')
export class TasksController {
  constructor(
    private readonly history: TaskHistory,
    private readonly cancels: Cancels,
    private readonly streams: TaskStreams,
  ) {}

  @Get()
  @ApiOperation({ summary: 'Your tasks, newest first, with the cancelled and the failed ones' })
  @ApiAnswer(taskPage)
  list(@Query({ schema: listTasksQuery }) query: ListTasksQuery, @CurrentUser() user: User) {
    return this.history.list(user, query);
  }

  @Get(':id')
  @ApiOperation({ summary: 'One task: its state, what it used, and its receipt if it was stopped' })
  @ApiAnswer(taskView)
  @ApiProblems('task_not_found')
  get(@Param('id', { schema: taskIdParam }) id: string, @CurrentUser() user: User): Promise<TaskView> {
    return this.history.get(user, id);
  }

  @Get(':id/result')
  @ApiOperation({ summary: 'What a task has come to; partial unless it has completed' })
  @ApiAnswer(taskResult)
  @ApiProblems('task_not_found')
  result(@Param('id', { schema: taskIdParam }) id: string, @CurrentUser() user: User): Promise<TaskResult> {
    return this.history.result(user, id);
  }

  @Get(':id/events')
  @ApiOperation({ summary: 'What a task tells, from its beginning or after `Last-Event-ID`, until it has ended' })
  @SendsEvents(
    taskEvent,
    'Server-sent events, each with an id. A kind of task may tell others than these, between `task-start` and `task-end`',
  )
  @ApiResponse({ status: 204, description: 'There is nothing to be heard any more: `Last-Event-ID` is that of the end' })
  @ApiHeader({ name: 'Last-Event-ID', required: false, description: 'the last event that was heard' })
  @ApiProblems('task_not_found')
  async events(
    @Param('id', { schema: taskIdParam }) id: string,
    @Query({ schema: followTaskQuery }) { attach }: FollowTaskQuery,
    @LastEventId() after: EventPosition | undefined,
    @CurrentUser() user: User,
    @RequestSignal() signal: AbortSignal,
    @Res() reply: EventReply,
  ): Promise<void> {
    const stream = await this.streams.follow(user, id, { after, isAttached: attach }, signal);
    if (stream) await sendEvents(reply, stream, signal);
    else reply.status(204).send();
  }

  @Post('cancel')
  @HttpCode(200)
  @ApiOperation({ summary: 'Cancel several tasks: by their ids, or all of a scope or kind' })
  @ApiAnswer(cancelledTasks)
  async cancelMany(
    @Body({ schema: cancelTasksBody }) { ids, scope, kind, reason, wait_ms, issued_at }: CancelTasksBody,
    @CurrentUser() user: User,
    @Issuer() { clientId, issuedAt }: Issue,
  ): Promise<CancelledTasks> {
    const options = { reason, waitMs: wait_ms, clientId, issuedAt: issued_at ?? issuedAt };
    const cancelled = ids ? this.cancels.byIds(user, ids, options) : this.cancels.bySelection(user, { scope, kind }, options);
    const { answers, isMarked } = await cancelled;
    return { cancelled_count: stoppedOf(answers).length, pending: isMarked, tasks: [...answers] };
  }

  @Post(':id/cancel')
  @HttpCode(200)
  @ApiOperation({ summary: 'Cancel one task. Says cancelled only once its work has stopped' })
  @ApiAnswer(cancelAnswer, { description: 'It has stopped, or had ended before' })
  @ApiAnswer(cancelAnswer, { status: 202, description: 'It has been told to stop, or will be once it comes' })
  @ApiProblems('task_not_found')
  async cancel(
    @Param('id', { schema: taskIdParam }) id: string,
    @Body({ schema: cancelTaskBody }) { reason, pending, wait_ms, issued_at }: CancelTaskBody,
    @CurrentUser() user: User,
    @Issuer() { clientId, issuedAt }: Issue,
    @Res({ passthrough: true }) reply: Reply,
  ): Promise<CancelAnswer> {
    const options = { reason, waitMs: wait_ms, isPending: pending, clientId, issuedAt: issued_at ?? issuedAt };
    const answer = await this.cancels.byId(user, id, options);
    if (answer.status === 'not_found') throw new DomainError('task_not_found', `There is no task ${id}.`);
    if (answer.status === 'cancelling' || answer.status === 'pending') reply.status(202);
    return answer;
  }
}
