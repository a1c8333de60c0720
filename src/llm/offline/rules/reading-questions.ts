import { toQuestion, type QuestionWriter } from './question-writer.js';

const LONGEST_PROMPT = 550;

/** The questions that a reading passage brings along, after its text unless that is too long to print. */
export const writeReadingQuestions: QuestionWriter = (material) =>
  material.questions.map(({ question, answer, line }) => {
    const whole = `Read: ${material.prose.join(' ')}\n${question}`;
    const prompt = material.prose.length > 0 && whole.length <= LONGEST_PROMPT ? whole : question;
    const write = () => toQuestion(material, line, { type: 'reading_comprehension', prompt, options: null, answer });
    return { round: 0, prompt, material, write };
  });
