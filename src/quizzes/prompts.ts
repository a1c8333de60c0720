import type { Passage } from '../content/index.js';
import { materialPrompt, type TextMessage } from '../llm/index.js';
import { answerGrade, draftQuiz, quizEvaluation } from './exercise.js';
import { missingQuestions, type QuizState } from './quiz-state.js';

const WRITE_QUIZ = `You write quiz questions for language learners.
Write exactly question_count questions of exercise_type ("mixed": vary the type), answerable from the passages alone, at the level given.
Prefer the weak_skills. Give vocabulary and grammar questions four options, one of them right; give fill_in_blank and reading_comprehension questions options null.
Each question names the passage_id it rests on and that passage's skill. Explain the answer in one sentence. Follow the feedback on earlier attempts and repeat none of the questions in already_asked.`;

export function writeQuizPrompt(state: QuizState): TextMessage[] {
  const { request, passages, weakSkills, feedback, accepted } = state;
  return materialPrompt(WRITE_QUIZ, draftQuiz, {
    task: 'write_quiz',
    book: request.chapter.bookTitle,
    chapter: request.chapter.chapterTitle,
    level: request.chapter.level,
    exercise_type: request.exerciseType,
    question_count: missingQuestions(state),
    weak_skills: weakSkills.map(({ skill, accuracy }) => ({ skill, accuracy })),
    passages,
    already_asked: accepted.map(({ prompt }) => prompt),
    feedback,
  });
}

const EVALUATE_QUIZ = `You check quiz questions for language learners before anyone sees them.
For each question, by its index: level_ok (is it at the level given?), correct (is the answer right and the only right one?), grounded (does the passage it names say so?), and a reason in one sentence.`;

export function evaluateQuizPrompt({ request, passages, draft }: QuizState): TextMessage[] {
  return materialPrompt(EVALUATE_QUIZ, quizEvaluation, {
    task: 'evaluate_quiz',
    level: request.chapter.level,
    exercise_type: request.exerciseType,
    question_count: draft.length,
    passages: passages.filter(({ id }) => draft.some(({ passage_id }) => passage_id === id)),
    questions: draft.map((question, index) => ({ index, ...question })),
  });
}

const GRADE_ANSWER = `You grade one answer of a language learner against the correct answer.
Accept other wordings of the same meaning. score is 0 to 1, correct means that the meaning is right. Explain in one encouraging sentence.`;

export interface GradeMaterial {
  readonly question: { readonly type: string; readonly prompt: string };
  readonly passage: Passage | undefined;
  readonly correctAnswer: string;
  readonly answer: string;
}

export function gradeAnswerPrompt({ question, passage, correctAnswer, answer }: GradeMaterial): TextMessage[] {
  return materialPrompt(GRADE_ANSWER, answerGrade, {
    task: 'grade_answer',
    question,
    passage: passage?.text ?? null,
    correct_answer: correctAnswer,
    answer,
  });
}
