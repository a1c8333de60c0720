import { Controller, Get, Query } from '@nestjs/common';
import { ApiBearerAuth, ApiOperation, ApiTags } from '@nestjs/swagger';
import { CurrentUser, type User } from '../auth/index.js';
import { ApiAnswer, ApiProblems } from '../problems/index.js';
import { usageQuery, usageReport, type UsageQuery, type UsageReport } from './usage.dto.js';
import { UsageService } from './usage.service.js';

@ApiTags('usage')
@ApiBearerAuth()
@Controller('api/usage')
export class UsageController {
  constructor(private readonly usage: UsageService) {}

  @Get()
  @ApiOperation({ summary: 'Tokens and money: spent, wasted on cancelled work, and saved by stopping it; by day, kind, cause and stage' })
  @ApiAnswer(usageReport)
  @ApiProblems('admin_required')
  report(@Query({ schema: usageQuery }) query: UsageQuery, @CurrentUser() user: User): Promise<UsageReport> {
    return this.usage.report(user, query);
  }
}
