import { END, START, StateGraph } from '@langchain/langgraph';
import { Injectable } from '@nestjs/common';
import { AbortContext, isAbortOf, type AbortScope } from '../abort/index.js';
import { EvaluateContentNode } from './nodes/evaluate-content.node.js';
import { GenerateQuizNode } from './nodes/generate-quiz.node.js';
import { QueryWeaknessNode } from './nodes/query-weakness.node.js';
import { RetrieveContentNode } from './nodes/retrieve-content.node.js';
import { initialState, MAX_ATTEMPTS, missingQuestions, QuizState, type QuizRequest, type Tell } from './quiz-state.js';

/** The straight path, and how the log says that a stage was not entered. */
const STAGES = [
  ['query_weakness', 'skipping query'],
  ['retrieve_content', 'skipping query'],
  ['generate_quiz', 'aborting LLM call'],
  ['evaluate_content', 'skipping evaluation'],
  ['save_quiz', 'skipping query'],
] as const;

interface QuizNode {
  run(state: QuizState, tell: Tell): Promise<Partial<QuizState>>;
}

/** What LangGraph hands to every node of a run. */
interface RunConfig {
  readonly configurable?: { readonly tell?: Tell };
}

/** `query_weakness → retrieve_content → generate_quiz → evaluate_content`, with at most two regenerations of what was refused. */
@Injectable()
export class QuizGraph {
  readonly #graph;
  /** What really failed in a node after the abort, when LangGraph no longer looked. */
  readonly #failures = new WeakMap<AbortScope, unknown>();

  constructor(
    private readonly context: AbortContext,
    queryWeakness: QueryWeaknessNode,
    retrieveContent: RetrieveContentNode,
    generateQuiz: GenerateQuizNode,
    evaluateContent: EvaluateContentNode,
  ) {
    this.#graph = new StateGraph(QuizState)
      .addNode('query_weakness', this.#stage('query_weakness', queryWeakness))
      .addNode('retrieve_content', this.#stage('retrieve_content', retrieveContent))
      .addNode('generate_quiz', this.#stage('generate_quiz', generateQuiz))
      .addNode('evaluate_content', this.#stage('evaluate_content', evaluateContent))
      .addEdge(START, 'query_weakness')
      .addEdge('query_weakness', 'retrieve_content')
      .addEdge('retrieve_content', 'generate_quiz')
      .addConditionalEdges('generate_quiz', afterGenerating)
      .addConditionalEdges('evaluate_content', afterEvaluating)
      .compile();
  }

  /**
   * Makes the questions of one quiz. Aborts with the ambient signal's reason, but only once every node has really stopped or has
   * been named a zombie; a node that fails meanwhile for a reason of its own is a failure, and no abort. `tell` hears of each question as
   * soon as it is written, and of what the evaluation makes of it.
   */
  async run(request: QuizRequest, tell: Tell): Promise<QuizState> {
    const { scope } = this.context;
    // LangGraph leaves a listener on the signal of every run that completes; this one is thrown away with the run.
    using unwinding = this.context.unwinding();
    try {
      return await this.#graph.invoke(initialState(request), { signal: unwinding.signal, configurable: { tell } });
    } catch (error) {
      if (!isAbortOf(error, scope.signal)) throw error;
      await scope.settled();
      if (this.#failures.has(scope)) throw this.#failures.get(scope);
      this.#announceNextStage(scope);
      throw scope.signal.reason;
    }
  }

  #stage(name: string, node: QuizNode): (state: QuizState, config: RunConfig) => Promise<Partial<QuizState>> {
    return (state, { configurable: { tell = noop } = {} }) => {
      // LangGraph may be told later than the stage before: no further one is entered meanwhile.
      this.context.signal.throwIfAborted();
      return this.context.stage(name, () => this.context.track('graph', name, this.#run(node, state, tell)));
    };
  }

  async #run(node: QuizNode, state: QuizState, tell: Tell): Promise<Partial<QuizState>> {
    const { scope } = this.context;
    try {
      return await node.run(state, tell);
    } catch (error) {
      if (scope.signal.aborted && !isAbortOf(error, scope.signal)) this.#failures.set(scope, error);
      throw error;
    }
  }

  /** An abort between two nodes is seen by LangGraph, which enters no further node: the stage that was not entered says so here. */
  #announceNextStage(scope: AbortScope): void {
    if (scope.hasAnnounced) return;
    const next = STAGES[STAGES.findIndex(([name]) => name === scope.lastStage) + 1];
    if (next) this.context.announce(next[1], next[0]);
  }
}

function afterGenerating({ draft, attempts }: QuizState): 'evaluate_content' | 'generate_quiz' | typeof END {
  if (draft.length > 0) return 'evaluate_content';
  return attempts < MAX_ATTEMPTS ? 'generate_quiz' : END;
}

function afterEvaluating(state: QuizState): 'generate_quiz' | typeof END {
  return missingQuestions(state) > 0 && state.rejected > 0 && state.attempts < MAX_ATTEMPTS ? 'generate_quiz' : END;
}

function noop(): void {
  // Nobody watches.
}
