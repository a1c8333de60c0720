import { Controller, Get, Res } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { Public } from '../auth/index.js';
import { ApiAnswer } from '../problems/index.js';
import { liveness, readiness, type Liveness, type Readiness } from './health.dto.js';
import { ReadinessService } from './readiness.service.js';

interface Reply {
  status(code: number): unknown;
}

@ApiTags('health')
@Public()
@Controller()
export class HealthController {
  constructor(private readonly readiness: ReadinessService) {}

  /** Says that the process runs. Touches nothing, so nobody ever looks at its signal. */
  @Get('health')
  @ApiOperation({ summary: 'Liveness' })
  @ApiAnswer(liveness)
  health(): Liveness {
    return { status: 'ok' };
  }

  @Get('ready')
  @ApiOperation({ summary: 'Readiness, component by component' })
  @ApiAnswer(readiness)
  @ApiAnswer(readiness, { status: 503, description: 'Not ready' })
  async ready(@Res({ passthrough: true }) reply: Reply): Promise<Readiness> {
    const found = await this.readiness.check();
    if (found.status !== 'ok') reply.status(503);
    return found;
  }
}
