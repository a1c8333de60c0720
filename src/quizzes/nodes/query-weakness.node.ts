import { Injectable } from '@nestjs/common';
import { QuestionResultsRepository } from '../question-results.repository.js';
import type { QuizState } from '../quiz-state.js';

const WEAK_BELOW = 0.7;
const MOST_WEAK_SKILLS = 5;

/** Finds the skills this learner does worst at. One query. */
@Injectable()
export class QueryWeaknessNode {
  constructor(private readonly results: QuestionResultsRepository) {}

  async run({ request }: QuizState): Promise<Partial<QuizState>> {
    const skills = await this.results.accuracyBySkill(request.owner, request.bookId);
    return { weakSkills: skills.filter(({ accuracy }) => accuracy < WEAK_BELOW).slice(0, MOST_WEAK_SKILLS) };
  }
}
