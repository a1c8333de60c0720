import { Module } from '@nestjs/common';
import { CallLedger } from './call-record.js';
import { LlmCallsRepository } from './llm-calls.repository.js';
import { Llm } from './llm.js';
import { Models } from './models.js';

@Module({
  providers: [Models, LlmCallsRepository, CallLedger, Llm],
  exports: [Llm, Models],
})
export class LlmModule {}
