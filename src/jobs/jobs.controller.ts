import { Controller, HttpCode, Param, Post } from '@nestjs/common';
import { ApiBearerAuth, ApiOperation, ApiTags } from '@nestjs/swagger';
import { z } from 'zod';
import { CurrentUser, type User } from '../auth/index.js';
import { ApiAnswer, ApiProblems } from '../problems/index.js';
import { JOB_PROBLEMS, TaskIssue, taskIdParam, type Issued } from '../tasks/index.js';
import { Jobs } from './jobs.service.js';

export const resumedTask = z.object({ task_id: z.uuid(), resumed_from: z.uuid() }).meta({ id: 'ResumedTask' });

@ApiTags('tasks')
@ApiBearerAuth()
@Controller('api/tasks')
export class JobsController {
  constructor(private readonly jobs: Jobs) {}

  @Post(':id/resume')
  @HttpCode(202)
  @ApiOperation({ summary: 'Go on with a job that was stopped or failed, by a new task; what is finished is not done again' })
  @ApiAnswer(resumedTask, { status: 202, description: 'The task that goes on' })
  @ApiProblems('task_not_found', 'task_not_resumable', ...JOB_PROBLEMS)
  async resume(
    @Param('id', { schema: taskIdParam }) id: string,
    @CurrentUser() user: User,
    @TaskIssue() issue: Issued,
  ): Promise<z.infer<typeof resumedTask>> {
    const { taskId } = await this.jobs.resume(user, id, issue);
    return { task_id: taskId, resumed_from: id };
  }
}
