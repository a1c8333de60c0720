import { Injectable } from '@nestjs/common';
import { Llm } from '../../llm/index.js';
import { DomainError } from '../../problems/index.js';
import { ContentRepository } from '../content.repository.js';
import type { QuizState } from '../quiz-state.js';

const PASSAGES_FOR_A_QUIZ = 8;

/** Finds the passages of the chapter to ask about: near to the exercise, nearer if they train a weak skill. One embedding, one query. */
@Injectable()
export class RetrieveContentNode {
  constructor(
    private readonly llm: Llm,
    private readonly content: ContentRepository,
  ) {}

  async run(state: QuizState): Promise<Partial<QuizState>> {
    const { model, vectors } = await this.llm.embed([describe(state)], 'skipping query');
    const weakSkills = state.weakSkills.map(({ skill }) => skill);
    const search = { chapterId: state.request.chapterId, model, vector: vectors[0] ?? [], weakSkills, limit: PASSAGES_FOR_A_QUIZ };
    const passages = await this.content.search(search);
    if (passages.length === 0) throw new DomainError('chapter_empty', 'This chapter has no passages to ask about yet.');
    return { passages };
  }
}

function describe({ request, weakSkills }: QuizState): string {
  const focus = weakSkills.length > 0 ? `, especially ${weakSkills.map(({ skill }) => skill.replaceAll('-', ' ')).join(', ')}` : '';
  return `${request.exerciseType.replaceAll('_', ' ')} exercises about ${request.chapter.chapterTitle}${focus}`;
}
