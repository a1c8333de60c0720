import { Module } from '@nestjs/common';
import { LlmModule } from '../llm/index.js';
import { BooksController } from './books.controller.js';
import { BooksService } from './books.service.js';
import { ContentRepository } from './content.repository.js';
import { EvaluateContentNode } from './nodes/evaluate-content.node.js';
import { GenerateQuizNode } from './nodes/generate-quiz.node.js';
import { QueryWeaknessNode } from './nodes/query-weakness.node.js';
import { RetrieveContentNode } from './nodes/retrieve-content.node.js';
import { PassageIndexService } from './passage-index.service.js';
import { QuestionResultsRepository } from './question-results.repository.js';
import { QuizGraph } from './quiz.graph.js';
import { QuizService } from './quiz.service.js';
import { QuizzesController } from './quizzes.controller.js';
import { QuizzesRepository } from './quizzes.repository.js';
import { ValidationService } from './validation.service.js';

@Module({
  imports: [LlmModule],
  controllers: [QuizzesController, BooksController],
  providers: [
    QuizGraph,
    QueryWeaknessNode,
    RetrieveContentNode,
    GenerateQuizNode,
    EvaluateContentNode,
    QuizService,
    ValidationService,
    BooksService,
    PassageIndexService,
    QuizzesRepository,
    QuestionResultsRepository,
    ContentRepository,
  ],
})
export class QuizzesModule {}
