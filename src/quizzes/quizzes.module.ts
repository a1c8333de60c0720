import { Module } from '@nestjs/common';
import { ContentModule } from '../content/index.js';
import { LlmModule } from '../llm/index.js';
import { BooksController } from './books.controller.js';
import { BooksService } from './books.service.js';
import { EvaluateContentNode } from './nodes/evaluate-content.node.js';
import { GenerateQuizNode } from './nodes/generate-quiz.node.js';
import { QueryWeaknessNode } from './nodes/query-weakness.node.js';
import { RetrieveContentNode } from './nodes/retrieve-content.node.js';
import { QuestionResultsRepository } from './question-results.repository.js';
import { QuizGraph } from './quiz.graph.js';
import { QuizService } from './quiz.service.js';
import { QuizzesController } from './quizzes.controller.js';
import { QuizzesRepository } from './quizzes.repository.js';
import { ValidationService } from './validation.service.js';

@Module({
  imports: [LlmModule, ContentModule],
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
    QuizzesRepository,
    QuestionResultsRepository,
  ],
})
export class QuizzesModule {}
