import { Body, Controller, Get, HttpCode, Param, Post, Query } from '@nestjs/common';
import { ApiBearerAuth, ApiOperation, ApiTags } from '@nestjs/swagger';
import { RequestSignal } from '../abort/index.js';
import { CurrentUser, type User } from '../auth/index.js';
import { TASK_PROBLEMS, TaskIssue, type Issued } from '../tasks/index.js';
import { UPSTREAM_PROBLEMS } from '../llm/index.js';
import { ApiAnswer, ApiProblems } from '../problems/index.js';
import {
  answerVerdict,
  generatedQuiz,
  generateQuizBody,
  listQuizzesQuery,
  quizPage,
  quizView,
  uuidParam,
  validateAnswerBody,
  type AnswerVerdict,
  type GeneratedQuiz,
  type GenerateQuizBody,
  type ListQuizzesQuery,
  type QuizView,
  type ValidateAnswerBody,
} from './quiz.dto.js';
import { QuizService } from './quiz.service.js';
import { ValidationService } from './validation.service.js';

@ApiTags('quizzes')
@ApiBearerAuth()
@Controller('api/quizzes')
export class QuizzesController {
  constructor(
    private readonly quizzes: QuizService,
    private readonly validation: ValidationService,
  ) {}

  @Post('generate')
  @HttpCode(200)
  @ApiOperation({ summary: 'Generate a quiz. Hanging up stops the work.' })
  @ApiAnswer(generatedQuiz)
  @ApiProblems(
    'book_not_found',
    'chapter_not_found',
    'chapter_empty',
    'quiz_rejected',
    'invalid_model_output',
    ...UPSTREAM_PROBLEMS,
    ...TASK_PROBLEMS,
  )
  generate(
    @Body({ schema: generateQuizBody }) body: GenerateQuizBody,
    @CurrentUser() user: User,
    @TaskIssue() issue: Issued,
    @RequestSignal() signal: AbortSignal,
  ): Promise<GeneratedQuiz> {
    return this.quizzes.generate(body, user, issue, signal);
  }

  @Post('validate-answer')
  @HttpCode(200)
  @ApiOperation({ summary: 'Check an answer: by comparison where that decides it, else graded by the model' })
  @ApiAnswer(answerVerdict)
  @ApiProblems('quiz_not_found', 'question_not_found', 'invalid_model_output', ...UPSTREAM_PROBLEMS, ...TASK_PROBLEMS)
  validateAnswer(
    @Body({ schema: validateAnswerBody }) body: ValidateAnswerBody,
    @CurrentUser() user: User,
    @TaskIssue() issue: Issued,
    @RequestSignal() signal: AbortSignal,
  ): Promise<AnswerVerdict> {
    return this.validation.validate(body, user, issue, signal);
  }

  @Get()
  @ApiOperation({ summary: 'Your quizzes, newest first' })
  @ApiAnswer(quizPage)
  list(@Query({ schema: listQuizzesQuery }) query: ListQuizzesQuery, @CurrentUser() user: User) {
    return this.quizzes.list(user, query);
  }

  @Get(':id')
  @ApiOperation({ summary: 'One of your quizzes, without the answers' })
  @ApiAnswer(quizView)
  @ApiProblems('quiz_not_found')
  get(@Param('id', { schema: uuidParam }) id: string, @CurrentUser() user: User): Promise<QuizView> {
    return this.quizzes.get(id, user);
  }
}
