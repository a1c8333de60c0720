import { Body, Controller, Get, Headers, HttpCode, Param, Post, Query, Res } from '@nestjs/common';
import { ApiBearerAuth, ApiOperation, ApiTags } from '@nestjs/swagger';
import { RequestSignal } from '../abort/index.js';
import { CurrentUser, type User } from '../auth/index.js';
import { AnswersWithEvents, sendAsEvents, sendEvents, wantsEvents, type EventReply } from '../sse/index.js';
import { LastEventId, TASK_PROBLEMS, TaskIssue, type EventPosition, type Issued } from '../tasks/index.js';
import { UPSTREAM_PROBLEMS } from '../llm/index.js';
import { ApiAnswer, ApiProblems } from '../problems/index.js';
import {
  answerVerdict,
  generatedQuiz,
  generateQuizBody,
  listQuizzesQuery,
  quizEvent,
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
  @ApiOperation({ summary: 'Generate a quiz, or watch it come into being with `Accept: text/event-stream`. Hanging up stops the work.' })
  @AnswersWithEvents(
    generatedQuiz,
    quizEvent,
    'each question as soon as it is written, what the evaluation makes of it, and at last the quiz',
  )
  @ApiProblems(
    'book_not_found',
    'chapter_not_found',
    'chapter_empty',
    'quiz_rejected',
    'invalid_model_output',
    ...UPSTREAM_PROBLEMS,
    ...TASK_PROBLEMS,
  )
  async generate(
    @Body({ schema: generateQuizBody }) body: GenerateQuizBody,
    @CurrentUser() user: User,
    @TaskIssue() issue: Issued,
    @RequestSignal() signal: AbortSignal,
    @LastEventId() after: EventPosition | undefined,
    @Headers('accept') accept: string | undefined,
    @Res() reply: EventReply,
  ): Promise<void> {
    if (wantsEvents(accept)) {
      sendAsEvents(reply);
      await sendEvents(reply, this.quizzes.stream(body, user, issue, signal, after), signal);
    } else reply.send((await this.quizzes.generate(body, user, issue, signal)) satisfies GeneratedQuiz);
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
