export { HangupClient, type HangupClientOptions } from './hangup-client.js';
export {
  BudgetError,
  CancelledError,
  ConnectionLostError,
  DeadlineError,
  HangupError,
  NotFoundError,
  NotHangupError,
  SupersededError,
  type HangupProblem,
} from './errors.js';
export type { Answer } from './answers.js';
export type { CallOptions, FollowOptions } from './asking.js';
export type { OnError } from './cancels.js';
export type { CancelSessionInput, ChatEvent, SendMessageInput } from './chat.js';
export type { UploadOptions, UploadProgress } from './documents.js';
export type { AnyTaskEvent } from './events.js';
export type { Latest } from './latest.js';
export type { PageOptions } from './page.js';
export type { OnDisconnect } from './policy.js';
export type { GenerateInput, QuizEvent, QuizPage, ValidateInput } from './quizzes.js';
export type { TaskOptions } from './task-issue.js';
export type { TaskStream } from './task-stream.js';
export type { CancelInput, CancelManyInput, ListTasksOptions, ResumedTask, TaskPage } from './tasks.js';
export type { Fetch, FetchInit, Token } from './transport.js';
export type { NamedBytes, NativeFile, UploadFile } from './upload-form.js';
export type { BookList, ChapterList } from './books.js';
export type { AnalysisView, StartAnalysisBody, StartedAnalysis } from '../analyses/analyses.dto.js';
export type { Resource, ResourcePage, StoredResources } from '../analyses/resources.dto.js';
export type { CancelledSession, MessagePage, ReplyView } from '../chat/chat.dto.js';
export type { AcceptedDocuments, DocumentPage, DocumentView, ReclassifyBody } from '../documents/documents.dto.js';
export type { AnswerVerdict, GeneratedQuiz, QuizView } from '../quizzes/quiz.dto.js';
export type { CancelAnswer, Receipt, TaskEnd, TaskState, TaskView } from '../tasks/index.js';
export type { CancelledTasks, TaskResult } from '../tasks/tasks.dto.js';
export type { AbortCause } from '../abort/index.js';
export type { UsageOptions, UsageReport } from './usage.js';
