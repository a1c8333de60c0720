export { EMBEDDING_DIMENSIONS, embedText } from './embed-text.js';
export { evaluateQuiz } from './evaluate-quiz.js';
export { gradeAnswer } from './grade-answer.js';
export { parseJson, replyPlainly } from './reply-plainly.js';
export { readTask, type Grade, type Passage, type QuestionType, type QuizQuestion, type Task, type Verdict } from './tasks.js';
export { writeQuiz } from './write-quiz.js';
