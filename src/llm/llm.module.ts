import { Module } from '@nestjs/common';
import { APP_CONFIG, type AppConfig } from '../config/index.js';
import { BudgetsRepository } from './budgets.repository.js';
import { Budgets } from './budgets.js';
import { CallLedger } from './call-record.js';
import { LlmCallsRepository } from './llm-calls.repository.js';
import { Llm } from './llm.js';
import { Models } from './models.js';
import { BUILT_IN_PRICES, PriceTable } from './prices.js';
import { SentRequests } from './sent-requests.js';

/** Read before anything starts: a file that is no price table stops the start. */
async function pricesInForce({ llm }: AppConfig): Promise<PriceTable> {
  return llm.pricesFile === undefined ? BUILT_IN_PRICES : await PriceTable.read(llm.pricesFile);
}

@Module({
  providers: [
    { provide: PriceTable, useFactory: pricesInForce, inject: [APP_CONFIG] },
    Models,
    LlmCallsRepository,
    Budgets,
    BudgetsRepository,
    CallLedger,
    SentRequests,
    Llm,
  ],
  exports: [Llm, Models, PriceTable, Budgets],
})
export class LlmModule {}
