import { Injectable } from '@nestjs/common';
import { Retriever } from '../../content/index.js';
import { DomainError } from '../../problems/index.js';
import type { QuizState } from '../quiz-state.js';

const PASSAGES_FOR_A_QUIZ = 8;

/** Finds the passages of the chapter to ask about: near to the exercise, nearer if they train a weak skill. One embedding, one query. */
@Injectable()
export class RetrieveContentNode {
  constructor(private readonly retriever: Retriever) {}

  async run(state: QuizState): Promise<Partial<QuizState>> {
    const weakSkills = state.weakSkills.map(({ skill }) => skill);
    const within = { chapterId: state.request.chapterId };
    const passages = await this.retriever.nearest({ text: describe(state), within, weakSkills, limit: PASSAGES_FOR_A_QUIZ });
    if (passages.length === 0) throw new DomainError('chapter_empty', 'This chapter has no passages to ask about yet.');
    return { passages };
  }
}

function describe({ request, weakSkills }: QuizState): string {
  const focus = weakSkills.length > 0 ? `, especially ${weakSkills.map(({ skill }) => skill.replaceAll('-', ' ')).join(', ')}` : '';
  return `${request.exerciseType.replaceAll('_', ' ')} exercises about ${request.chapter.chapterTitle}${focus}`;
}
