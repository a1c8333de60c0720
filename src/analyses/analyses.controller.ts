import { Body, Controller, Get, HttpCode, Param, Post } from '@nestjs/common';
import { ApiBearerAuth, ApiOperation, ApiTags } from '@nestjs/swagger';
import { CurrentUser, type User } from '../auth/index.js';
import { ApiAnswer, ApiProblems } from '../problems/index.js';
import { JOB_PROBLEMS, projectIdParam, TaskIssue, taskIdParam, type Issued } from '../tasks/index.js';
import {
  analysisView,
  startAnalysisBody,
  startedAnalysis,
  type AnalysisView,
  type StartAnalysisBody,
  type StartedAnalysis,
} from './analyses.dto.js';
import { Analyses } from './analyses.service.js';

@ApiTags('analyses')
@ApiBearerAuth()
@Controller('api/projects')
export class AnalysesController {
  constructor(private readonly analyses: Analyses) {}

  @Post(':project_id/analyses')
  @HttpCode(202)
  @ApiOperation({ summary: 'Analyse a project in the background, resource by resource. Hanging up does not stop it; a cancel does.' })
  @ApiAnswer(startedAnalysis, { status: 202 })
  @ApiProblems('project_empty', 'resource_not_found', ...JOB_PROBLEMS)
  start(
    @Param('project_id', { schema: projectIdParam }) projectId: string,
    @Body({ schema: startAnalysisBody }) body: StartAnalysisBody,
    @CurrentUser() user: User,
    @TaskIssue() issue: Issued,
  ): Promise<StartedAnalysis> {
    return this.analyses.start(projectId, body, user, issue);
  }

  @Get(':project_id/analyses/:task_id')
  @ApiOperation({ summary: 'What has come of an analysis so far; partial unless it has completed' })
  @ApiAnswer(analysisView)
  @ApiProblems('task_not_found')
  get(
    @Param('project_id', { schema: projectIdParam }) projectId: string,
    @Param('task_id', { schema: taskIdParam }) taskId: string,
    @CurrentUser() user: User,
  ): Promise<AnalysisView> {
    return this.analyses.get(projectId, taskId, user);
  }
}
