import { Controller, Get, Res } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { Public } from '../auth/index.js';
import { ReadinessService, type Readiness } from './readiness.service.js';

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
  health() {
    return { status: 'ok' };
  }

  @Get('ready')
  @ApiOperation({ summary: 'Readiness, component by component' })
  async ready(@Res({ passthrough: true }) reply: Reply): Promise<Readiness> {
    const readiness = await this.readiness.check();
    if (readiness.status !== 'ok') reply.status(503);
    return readiness;
  }
}
