import { Body, Controller, HttpCode, Param, Post } from '@nestjs/common';
import { ApiBearerAuth, ApiOperation, ApiTags } from '@nestjs/swagger';
import { CurrentUser, type User } from '../auth/index.js';
import { ApiAnswer } from '../problems/index.js';
import { Cancels } from './cancels.service.js';
import { Issuer, type Issue } from './issue.decorator.js';
import { stoppedOf } from './cancel-answer.js';
import { cancelledProject, cancelProjectBody, projectIdParam, type CancelledProject, type CancelProjectBody } from './tasks.dto.js';

@ApiTags('tasks')
@ApiBearerAuth()
@Controller('api/projects')
export class ProjectsController {
  constructor(private readonly cancels: Cancels) {}

  @Post(':project_id/cancel-tasks')
  @HttpCode(200)
  @ApiOperation({ summary: 'Cancel all tasks of a project, also one that is still on its way here' })
  @ApiAnswer(cancelledProject)
  async cancelTasks(
    @Param('project_id', { schema: projectIdParam }) project_id: string,
    @Body({ schema: cancelProjectBody }) { reason, wait_ms, issued_at }: CancelProjectBody,
    @CurrentUser() user: User,
    @Issuer() { clientId, issuedAt }: Issue,
  ): Promise<CancelledProject> {
    const options = { reason, waitMs: wait_ms, clientId, issuedAt: issued_at ?? issuedAt };
    const { answers, isMarked } = await this.cancels.bySelection(user, { scope: `project:${project_id}` }, options);
    const stopped = stoppedOf(answers);
    return { project_id, cancelled_count: stopped.length, task_ids: stopped.map(({ task_id }) => task_id), pending: isMarked };
  }
}
