import { Body, Controller, Get, Param, Put, Query } from '@nestjs/common';
import { RouteConfig } from '@nestjs/platform-fastify';
import { ApiBearerAuth, ApiOperation, ApiTags } from '@nestjs/swagger';
import { CurrentUser, type User } from '../auth/index.js';
import { ApiAnswer, ApiProblems } from '../problems/index.js';
import { projectIdParam } from '../tasks/index.js';
import {
  listResourcesQuery,
  putResourcesBody,
  resourcePage,
  storedResources,
  type ListResourcesQuery,
  type Resource,
  type ResourcePage,
  type StoredResources,
} from './resources.dto.js';
import { Resources } from './resources.service.js';

/** Thousands of resources come at once. */
const LARGEST_PROJECT_BYTES = 8 * 1_048_576;

@ApiTags('analyses')
@ApiBearerAuth()
@Controller('api/projects')
export class ResourcesController {
  constructor(private readonly resources: Resources) {}

  @Put(':project_id/resources')
  @RouteConfig({ bodyLimit: LARGEST_PROJECT_BYTES })
  @ApiOperation({ summary: 'Store what a project consists of, in place of all that it had' })
  @ApiAnswer(storedResources)
  @ApiProblems('resource_unusable')
  put(
    @Param('project_id', { schema: projectIdParam }) projectId: string,
    @Body({ schema: putResourcesBody }) resources: Resource[],
    @CurrentUser() user: User,
  ): Promise<StoredResources> {
    return this.resources.put(projectId, resources, user);
  }

  @Get(':project_id/resources')
  @ApiOperation({ summary: 'What a project of yours consists of, in the order in which it was sent' })
  @ApiAnswer(resourcePage)
  list(
    @Param('project_id', { schema: projectIdParam }) projectId: string,
    @Query({ schema: listResourcesQuery }) query: ListResourcesQuery,
    @CurrentUser() user: User,
  ): Promise<ResourcePage> {
    return this.resources.list(projectId, query, user);
  }
}
