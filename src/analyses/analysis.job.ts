import { Inject, Injectable, Logger, type OnModuleInit } from '@nestjs/common';
import { AbortContext } from '../abort/index.js';
import { APP_CONFIG, type AppConfig } from '../config/index.js';
import { Jobs, type JobKind, type JobTask } from '../jobs/index.js';
import { Llm, type TextMessage } from '../llm/index.js';
import { DomainError } from '../problems/index.js';
import type { Item, Outcome } from '../tasks/index.js';
import { toAnalysed, type FailedResource } from './analysed-resources.js';
import { AnalysesRepository } from './analyses.repository.js';
import { ANALYSIS, analysisInput, type AnalysisInput, type AnalysisResult } from './analysis.js';
import { analyseResourcePrompt, summariseAnalysisPrompt } from './prompts.js';
import { analysisSummary, recommendation, totalsOf, type AnalysisSummary, type Recommendation } from './recommendation.js';
import type { Resource } from './resources.dto.js';

const SUMMARY = 'summary';
const SUMMARY_ATTEMPTS = 2;

/** One LLM call for each resource, and one that sums up. */
@Injectable()
export class AnalysisJob implements JobKind<AnalysisInput>, OnModuleInit {
  readonly kind = ANALYSIS;
  readonly input = analysisInput;
  readonly concurrency = 4;
  readonly perUser = 2;
  readonly itemWord = 'item';
  readonly lastCalls = [SUMMARY];
  readonly #logger = new Logger('Analyses');
  readonly #concurrency: number;

  constructor(
    @Inject(APP_CONFIG) config: AppConfig,
    private readonly jobs: Jobs,
    private readonly context: AbortContext,
    private readonly llm: Llm,
    private readonly analyses: AnalysesRepository,
  ) {
    this.#concurrency = config.analyses.concurrency;
  }

  onModuleInit(): void {
    this.jobs.register(this);
  }

  calls(itemStage: string): readonly string[] {
    return [itemStage];
  }

  /**
   * Asks for a recommendation for each resource that has none yet, and sums up what there is. A resource of which nothing comes fails
   * alone; where nothing comes of any, the task does. So it does where the summary does not come: the recommendations are kept, and
   * whoever resumes pays for the summary alone. Throws the abort's reason once every call in flight has been cut.
   */
  async work(task: JobTask<AnalysisInput>): Promise<Outcome<AnalysisResult>> {
    const { project_id, goal } = task.input;
    await task.each({ concurrency: this.#concurrency }, (item) => this.#recommend(goal, item));
    task.before('the summary');
    const { recommended, failed } = toAnalysed(await this.analyses.analysed(task.key));
    if (recommended.length === 0) throw nothingCame(failed);
    const totals = totalsOf(recommended, failed.length);
    const summary = await this.context.stage(SUMMARY, () => this.#summarise(summariseAnalysisPrompt(goal, totals, recommended)));
    const msg = `[Analyses] Analysis summed up (project=${project_id} user=${task.key.owner} failed=${failed.length})`;
    this.#logger.log({ msg, task_id: task.key.id, totals });
    return { result: { project_id, totals, summary }, stage: 'save_analysis' };
  }

  async #recommend(goal: string, { input }: Item): Promise<Recommendation> {
    const messages = analyseResourcePrompt(goal, input as Resource);
    return await this.llm.structured({ messages, name: 'recommendation', schema: recommendation, skipping: 'skipping analysis' });
  }

  /** A model that did not keep to the schema may do so when asked again. */
  async #summarise(messages: readonly TextMessage[]): Promise<AnalysisSummary> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.llm.structured({ messages, name: 'analysis_summary', schema: analysisSummary, skipping: 'skipping summary' });
      } catch (error) {
        const isMisfit = error instanceof DomainError && error.code === 'invalid_model_output';
        if (!isMisfit || attempt >= SUMMARY_ATTEMPTS) throw error;
      }
    }
  }
}

/** Of many failures the first stands for all. */
function nothingCame(failed: readonly FailedResource[]): DomainError {
  const why = failed[0]?.error.message ?? '';
  return new DomainError('nothing_analysed', `None of the ${failed.length} resources could be analysed. The first: ${why}`);
}
